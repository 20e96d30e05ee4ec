// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run index` on a local chain with keepers: Ponder's index of their service tells the story that the service's log tells, and the page's
// own check believes it. Installs Ponder into index/ the first time; skipped by name where the registry is out of reach.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster, clusterManifest } from '../../scripts/cluster.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { installIndex, runIndex } from '../../scripts/index/run.ts'
import { ContractHistory } from '../../web/src/chain/history.ts'
import { type HistoryBase, readBase } from '../../web/src/indexed/base.ts'
import { tellStory } from '../../web/src/service/events.ts'

const ROUNDS = 2
/** Blocks that no reorganisation reaches behind. */
const DEPTH = 70

describe('the index of a service', function () {
  this.timeout(900_000)
  let cluster: Cluster
  let folder: string
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  before(async function () {
    const log: string[] = []
    try {
      await installIndex((text) => log.push(text))
    } catch (error) {
      console.log(`    not installed: Ponder (${(error as Error).message})`)
      this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'cohort-index-'))
    cluster = await Cluster.create({
      keepers: 3,
      manifest: clusterManifest('small-cnn', { rounds: { maxSamples: 500 } }),
      values: () => ({ 'data.limit': 100 }),
    })
  })
  after(async () => {
    stop.abort()
    await running.catch(() => undefined)
    await cluster?.[Symbol.asyncDispose]()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  it('tells what the log tells, and passes the page’s comparison with the chain', async () => {
    for (const node of cluster.nodes) cluster.start(node)
    await cluster.line('rounds', (line) => line.event === 'model accepted' && Number(line.round) >= ROUNDS)
    const { provider, service, url: rpc } = cluster
    const chainId = Number((await provider.getNetwork()).chainId)
    const fromBlock = 0
    await provider.send('hardhat_mine', [`0x${DEPTH.toString(16)}`])
    const port = await freePort()
    const failed = Promise.withResolvers<never>()
    running = runIndex({
      ...{ rpc: [rpc], services: [service], fromBlock, host: '127.0.0.1', port },
      ...{ database: folder, signal: stop.signal, say: () => undefined },
    })
    running.catch(failed.reject)
    const url = `http://127.0.0.1:${port}/graphql`
    const read = async (): Promise<HistoryBase> => {
      for (;;) {
        try {
          const base = await readBase({ url, service, chainId, fromBlock, provider })
          if (base.counts.length >= ROUNDS) return base
        } catch (error) {
          if (!/does not answer|nothing yet|no whole round|behind/.test((error as Error).message)) throw error
        }
        await setTimeout(1_000)
      }
    }
    const base = await Promise.race([read(), failed.promise])
    expect(base.compared).to.be.above(0)
    const shelf = { get: async () => undefined, put: async () => undefined }
    const whole = new ContractHistory({ provider, shelf, chainId, address: service, fromBlock })
    const rest = new ContractHistory({ provider, shelf, chainId, address: service, fromBlock: base.until + 1 })
    await whole.step()
    await rest.step()
    const known = (story: ReturnType<typeof tellStory>) => story.rounds.filter(({ round }) => round <= ROUNDS)
    const [ours, theirs] = [tellStory(whole), tellStory(rest, undefined, base)]
    expect(known(theirs)).to.deep.equal(known(ours))
    expect(known(ours)).to.have.length(ROUNDS)
    expect([...theirs.keepers.keys()].sort()).to.deep.equal([...ours.keepers.keys()].sort())
    // And it is no index of another service: that one has no round.
    const other = await readBase({
      url,
      service: cluster.registry,
      chainId,
      fromBlock,
      provider,
    }).then(String, String)
    expect(other).to.contain('no whole round')
  })

  it('is written in the types of the contract’s own events', () => {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    expect(existsSync(join(ROOT, 'index/generated/service.ts'))).to.equal(true)
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', join(ROOT, 'index')], { encoding: 'utf8' })
    expect(stdout).to.equal('')
    expect(status).to.equal(0)
  })
})
