// SPDX-License-Identifier: GPL-3.0-or-later
import { createServer } from 'node:net'
import { expect } from 'chai'
import { OptionError } from '../../scripts/demo/options.ts'
import { freePort, portRange } from '../../scripts/demo/ports.ts'

describe('ports for processes', () => {
  it('are each given once, and none from the range of outgoing connections', async () => {
    const ports = await Promise.all(Array.from({ length: 100 }, () => freePort()))
    expect(new Set(ports).size).to.equal(ports.length)
    for (const port of ports) expect(port).to.be.within(20_000, 32_767)
  })

  it('are from the range that is given, or it is refused by name', () => {
    expect(portRange('21000-21999')).to.deep.equal([21_000, 21_999])
    for (const wrong of ['', '21000', '9-5', '0-9', '1-70000', 'a-b']) {
      expect(() => portRange(wrong), wrong).to.throw(OptionError, `COHORT_PORTS '${wrong}'`)
    }
  })

  it('are as asked, or refused by name when somebody listens there', async () => {
    const asked = await freePort()
    expect(await freePort(asked)).to.equal(asked)
    const server = createServer()
    await new Promise<void>((done) => server.listen(asked, '127.0.0.1', done))
    const error = await freePort(asked).catch((reason: unknown) => reason)
    server.close()
    expect(error).to.be.instanceOf(OptionError)
    expect(String(error)).to.contain(`--port '${asked}': in use`)
  })
})
