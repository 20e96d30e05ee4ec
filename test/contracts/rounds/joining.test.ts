// SPDX-License-Identifier: GPL-3.0-or-later
// Whoever joins a service needs its address and an endpoint: manifest, strategy and first weights come from a keeper that serves them.
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import process from 'node:process'
import { json } from 'node:stream/consumers'
import { expect } from 'chai'
import { AgentError, initKeeper, loadConfig, renewManifest } from '../../../keepers/agent/index.ts'
import { encodeAddress } from '../../../keepers/chain/index.ts'
import { strategyHash } from '../../../keepers/learning/index.ts'
import { DataPlane } from '../../../keepers/network/index.ts'
import { chooseArchitecture, draftService, readSample } from '../../../keepers/services/index.ts'
import { encodeManifest, manifestDigest, type ServiceManifest } from '../../../keepers/versions/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { command } from '../../commands/command-line.ts'
import { createWorld, type World } from './fixture.ts'
import { joinAll } from './play.ts'

const TRAINED = readFileSync(join(ROOT, 'examples/scikit-learn/cells.onnx'))
const CELLS = join(ROOT, 'examples/breast-cancer/cells.csv')
const STRATEGY = readFileSync(join(ROOT, 'strategies/fedavgm.cjs'))

type Request = { readonly id: number; readonly method: string; readonly params?: unknown[] }

/** The chain of this process, as an endpoint. */
async function endpointOf({ ethers }: World): Promise<Server> {
  const answer = async ({ id, method, params = [] }: Request) => {
    try {
      return { jsonrpc: '2.0', id, result: await ethers.provider.send(method, params) }
    } catch (error) {
      return { jsonrpc: '2.0', id, error: { code: -32_000, message: (error as Error).message } }
    }
  }
  const server = createServer(async (request, response) => {
    const asked = (await json(request)) as Request | Request[]
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(Array.isArray(asked) ? await Promise.all(asked.map(answer)) : await answer(asked)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('joining a service that starts from a file and has a strategy of its own', function () {
  this.timeout(120_000)
  let folder: string
  let manifest: ServiceManifest
  /** Of another time: other terms, neither weights nor a strategy. */
  let earlier: ServiceManifest
  let keeper: DataPlane
  let server: Server
  let place: { readonly service: string; readonly rpc: string }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-joining-'))
    const sample = await readSample(CELLS)
    const spec = await chooseArchitecture(join(ROOT, 'examples/scikit-learn/cells.onnx'), sample)
    const drafted = await draftService({
      ...{ name: 'trained', spec, sample, start: TRAINED, rounds: 1, keepers: 4, decryptionsPerEpoch: 8 },
    })
    const { weights: _, ...model } = drafted.manifest.model
    earlier = { ...drafted.manifest, model, rounds: { ...drafted.manifest.rounds, clipNorm: 9 } }
    manifest = { ...drafted.manifest, strategy: { sha256: strategyHash(STRATEGY), settings: { momentum: 0.5 } } }
    keeper = await DataPlane.start({
      folder: join(folder, 'plane'),
      identitySeed: crypto.getRandomValues(new Uint8Array(32)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
    })
    for (const blob of [encodeManifest(manifest), STRATEGY, TRAINED]) await keeper.publish(blob)
    const world = await createWorld({ players: 4, parameters: { manifest: manifestDigest(manifest) } })
    await joinAll(world)
    const [first] = world.players
    const { registry, service } = world
    await registry.connect(first!.operator).setMultiaddr(first!.owner, encodeAddress(keeper.addresses[0]!))
    server = await endpointOf(world)
    const { port } = server.address() as AddressInfo
    place = { service: await service.getAddress(), rpc: `http://127.0.0.1:${port}` }
  })
  after(async () => {
    await keeper?.stop()
    server?.close()
    server?.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A keeper's folder with the manifest of another time. */
  async function folderOf(name: string, values: Record<string, unknown> = {}): Promise<string> {
    const target = join(folder, name)
    await initKeeper({
      ...{ folder: target, passphrase: 'p', manifest: earlier, scryptLog2N: 10 },
      values: {
        ...{ 'chain.id': 31337, 'chain.rpc': [place.rpc], 'service.address': place.service },
        ...{ 'data.source': 'csv', 'data.path': CELLS, ...values },
      },
    })
    return target
  }
  const isComplete = (target: string): void => {
    const { service } = loadConfig(target)
    expect(manifestDigest(service.manifest)).to.equal(manifestDigest(manifest))
    expect(readFileSync(service.weightsFile).equals(TRAINED)).to.equal(true)
    expect(readFileSync(service.strategyFile!).equals(STRATEGY)).to.equal(true)
  }

  it('takes `cohort keeper init --service … --rpc …`, and samples of one`s own', async () => {
    const target = join(folder, 'newcomer')
    const passphrase = join(folder, 'passphrase')
    writeFileSync(passphrase, 'p\n', { mode: 0o600 })
    const where = ['--service', place.service, '--rpc', place.rpc, '--data', target]
    const init = (...more: string[]) => command('keeper', 'init', ...where, '--passphrase-file', passphrase, ...more)
    const patients = join(ROOT, 'examples/diabetes/patients.csv')
    const refusals: [string[], number, RegExp][] = [
      [[], 64, /--samples: the service takes a CSV file with the columns mean radius, .* and 'diagnosis': say where/],
      [['--samples', join(folder, 'none.csv')], 66, /cannot read .*none\.csv: ENOENT/],
      [['--samples', patients], 65, /patients\.csv: no column 'mean radius'; the columns are age/],
      [['--samples', CELLS, '--set', 'data.source=csv'], 64, /--samples: leave it out, or --set data\.source/],
    ]
    for (const [more, code, message] of refusals) {
      const refused = await init(...more)
      expect([refused.code, message.test(refused.stderr)], refused.stderr).to.deep.equal([code, true])
      expect(existsSync(target)).to.equal(false)
    }
    const made = await init('--samples', relative(process.cwd(), CELLS))
    expect(made.code, made.stderr).to.equal(0)
    expect(made.stdout).to.match(/samples.*569/)
    isComplete(target)
    expect(loadConfig(target).data).to.deep.include({ source: 'csv', path: CELLS })
    expect(loadConfig(target).chain).to.deep.include({ id: 31337, rpc: [place.rpc] })
    expect(loadConfig(target).keys.passphraseFile).to.equal(passphrase)
  })

  it('after a change, `cohort keeper manifest` brings all three, once', async () => {
    const target = await folderOf('changed')
    const renewed = await command('keeper', 'manifest', '--data', target, '--json')
    expect(renewed.code, renewed.stderr).to.equal(0)
    expect(JSON.parse(renewed.stdout)).to.deep.include({ renewed: true })
    isComplete(target)
    expect(await renewManifest(loadConfig(target))).to.equal(false)
  })

  it('replaces a file of weights, or a module, that is another than the manifest names, and one that is gone', async () => {
    const target = await folderOf('stale')
    writeFileSync(join(target, 'strategy.cjs'), 'module.exports = { step: () => 1 }')
    writeFileSync(loadConfig(target).service.weightsFile, 'another file')
    expect(await renewManifest(loadConfig(target))).to.equal(true)
    isComplete(target)
    for (const gone of [join(target, 'strategy.cjs'), loadConfig(target).service.weightsFile]) {
      rmSync(gone)
      expect(await renewManifest(loadConfig(target))).to.equal(false)
      isComplete(target)
    }
  })

  it('leaves a module of the operator`s alone: the right one stays where it is, for another one nothing is changed', async () => {
    const right = join(folder, 'right.cjs')
    writeFileSync(right, STRATEGY)
    const target = await folderOf('own', { 'service.strategy': right })
    expect(await renewManifest(loadConfig(target))).to.equal(true)
    expect(loadConfig(target).service.strategyFile).to.equal(right)
    expect(existsSync(join(target, 'strategy.cjs'))).to.equal(false)
    const wrong = join(folder, 'wrong.cjs')
    writeFileSync(wrong, 'module.exports = { step: () => 1 }')
    const other = await folderOf('other', { 'service.strategy': wrong })
    const before = readFileSync(loadConfig(other).service.manifestFile)
    const error = await renewManifest(loadConfig(other)).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(AgentError).with.property('code', 'CONFIG')
    expect((error as AgentError).message).to.match(/service\.strategy: .*wrong\.cjs is another than the [0-9a-f]{64}/)
    expect(readFileSync(loadConfig(other).service.manifestFile).equals(before)).to.equal(true)
    expect(existsSync(join(other, 'strategy.cjs'))).to.equal(false)
  })
})
