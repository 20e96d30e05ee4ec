// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { AgentError, initKeeper, loadConfig, serviceStrategy } from '../../../keepers/agent/index.ts'
import { openStrategy } from '../../../keepers/agent/strategy.ts'
import { strategyHash } from '../../../keepers/learning/index.ts'
import { DataPlane, NetworkError } from '../../../keepers/network/index.ts'
import { strategyFrom } from '../../../keepers/versions/fetch.ts'
import { exampleManifest, specOf, VersionError } from '../../../keepers/versions/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

describe('the strategy of a service that somebody joins', function () {
  this.timeout(60_000)
  const file = join(ROOT, 'strategies/fedavgm.cjs')
  const source = readFileSync(file)
  const sha256 = strategyHash(source)
  const manifest = { ...exampleManifest('logistic'), strategy: { sha256, settings: { momentum: 0.5 } } }
  const place = { rpc: ['http://127.0.0.1:9'], chainId: 31337, service: `0x${'12'.repeat(20)}` }
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-strategy-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const refusal = async (promise: Promise<unknown>): Promise<Error> =>
    await promise.then(
      () => expect.fail('was not refused'),
      (error: Error) => error,
    )

  it('comes from a keeper that serves it, by its hash', async () => {
    const seed = () => crypto.getRandomValues(new Uint8Array(32))
    const [keeper, joining] = [
      await DataPlane.start({ folder: join(folder, 'keeper'), identitySeed: seed(), listen: ['/ip4/127.0.0.1/tcp/0'] }),
      await DataPlane.start({ folder: join(folder, 'joining'), identitySeed: seed() }),
    ]
    try {
      await keeper.publish(source)
      const bytes = await strategyFrom(joining, keeper.addresses, sha256, 10_000)
      expect(strategyHash(bytes)).to.equal(sha256)
      const other = strategyHash(Buffer.from('module.exports = {}'))
      const missing = await refusal(strategyFrom(joining, keeper.addresses, other, 3_000))
      expect(missing).to.be.instanceOf(NetworkError)
    } finally {
      await Promise.all([keeper.stop(), joining.stop()])
    }
  })

  it('is refused when what comes is another, though a data plane says that it is the one', async () => {
    const lying = { fetch: async () => Buffer.from('module.exports = { step: () => 1 }') }
    const error = await refusal(strategyFrom(lying, [], sha256, 1_000))
    expect(error).to.be.instanceOf(VersionError).with.property('code', 'BAD_BLOB')
    expect(error.message).to.match(/strategy bafkrei.*: it hashes to [0-9a-f]{64}, members agreed on/)
  })

  it('may be a file that the operator has, which must be the one, and take the settings', async () => {
    expect(await serviceStrategy(place, manifest, file)).to.deep.equal(source)
    const wrong = join(folder, 'wrong.cjs')
    writeFileSync(wrong, 'module.exports = { step: () => 1 }')
    const errors = [
      await refusal(serviceStrategy(place, manifest, wrong)),
      await refusal(serviceStrategy(place, manifest, join(folder, 'none.cjs'))),
      await refusal(serviceStrategy(place, { ...manifest, strategy: { sha256, settings: { momentum: 2 } } }, file)),
      await refusal(serviceStrategy(place, exampleManifest('logistic'), file)),
    ]
    for (const error of errors) expect(error).to.be.instanceOf(AgentError).with.property('code', 'CONFIG')
    expect(errors.map(({ message }) => message).join('\n'))
      .to.match(/it hashes to [0-9a-f]{64}, members agreed on/)
      .and.to.match(/none\.cjs: cannot be read \(ENOENT/)
      .and.to.match(/settings\.momentum: 2, takes 0 to below 1/)
      .and.to.match(/the service's manifest has no strategy: leave it out/)
    expect(await serviceStrategy(place, exampleManifest('logistic'))).to.equal(null)
  })

  it('is in the new keeper`s folder, and found there without a key in the config', async () => {
    const target = join(folder, 'new')
    const values = { 'chain.id': 31337, 'chain.rpc': place.rpc, 'service.address': place.service }
    await initKeeper({ folder: target, passphrase: 'p', values, manifest, strategy: source, scryptLog2N: 10 })
    const config = loadConfig(target)
    expect(config.service.strategyFile).to.equal(join(target, 'strategy.cjs'))
    expect((await openStrategy(config, await specOf(manifest)))!.terms.sha256).to.equal(sha256)
    const plain = join(folder, 'plain')
    await initKeeper({ folder: plain, passphrase: 'p', values, manifest: exampleManifest('logistic'), scryptLog2N: 10 })
    expect([existsSync(join(plain, 'strategy.cjs')), loadConfig(plain).service.strategyFile]).to.deep.equal([
      false,
      null,
    ])
  })
})
