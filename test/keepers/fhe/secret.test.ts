// SPDX-License-Identifier: GPL-3.0-or-later
import { format, inspect } from 'node:util'
import { expect } from 'chai'
import { Secret } from '../../../keepers/fhe/index.ts'
import { refuses } from './rejection.ts'

describe('fhe secrets', () => {
  const marker = 'deadbeef'.repeat(4)
  const bytes = () => new Uint8Array(Buffer.from(marker, 'hex'))

  it('do not print, by any of the ways that things get printed', () => {
    const secret = Secret.take(bytes())
    const printed = [
      String(secret),
      `${secret}`,
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      format('%s %o %O %j', secret, secret, secret, secret),
      Object.prototype.toString.call(secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(structuredClone({ ...secret })),
    ].join('\n')
    expect(printed).to.not.match(/de.?ad|222|173/)
    expect(printed).to.include('[secret]')
    expect(Object.getOwnPropertyNames(secret)).to.deep.equal([])
  })

  it('wipe what they were taken from and what they held', () => {
    const source = bytes()
    const secret = Secret.take(source)
    expect(source.every((byte) => byte === 0)).to.equal(true)
    let held = new Uint8Array()
    secret.reveal((lent) => {
      held = lent as Uint8Array<ArrayBuffer>
    })
    expect(Buffer.from(held).toString('hex')).to.equal(marker)
    secret.dispose()
    expect(held.every((byte) => byte === 0)).to.equal(true)
  })

  it('refuse to be used after disposal, and may be disposed of twice', async () => {
    const secret = Secret.random(16)
    expect(secret.length).to.equal(16)
    secret[Symbol.dispose]()
    secret.dispose()
    await refuses('secret-disposed', () => secret.reveal(() => 0))
    await refuses('secret-disposed', () => secret.length)
    await refuses('secret-disposed', () => secret.equals(Secret.random(16)))
  })

  it('compare by content', () => {
    expect(Secret.take(bytes()).equals(Secret.take(bytes()))).to.equal(true)
    expect(Secret.take(bytes()).equals(Secret.random(16))).to.equal(false)
    expect(Secret.take(bytes()).equals(Secret.random(15))).to.equal(false)
  })
})
