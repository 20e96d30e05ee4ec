// SPDX-License-Identifier: GPL-3.0-or-later
// Four keepers, one of which trains for several rounds at a time: the others do not wait for it, and its update counts later and less. The trainers
// are programs with known results, so that the models show with which weight each update went in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { hasSeat } from '../../keepers/chain/index.ts'
import { initialWeights } from '../../keepers/learning/index.ts'
import { cidFromHex, DataPlane } from '../../keepers/network/index.ts'
import { decodeModelState, modelBytes, specOf } from '../../keepers/versions/index.ts'
import { Cluster, clusterManifest, type ServiceEvent } from '../../scripts/cluster.ts'

const STAKE = 1000n * 10n ** 18n
const MOST_BEHIND = 7
/** The keeper that trains slowly, and for how long at least. */
const SLOW = 3
/** Each value of an update of the slow keeper's training, and of the others'; small enough that no member judges the model worse. */
const STEP = { slow: 0.02, fast: 0 } as const

/** Adds a constant to every weight; the slow one returns only when `rounds` later versions are there, which a file says. */
const program = (step: number, gate: string | null): string => `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const at = process.env.COHORT_TRAINING + '/'
${
  gate === null ? '' : `while (!existsSync(${JSON.stringify(gate)})) await new Promise((done) => setTimeout(done, 100))`
}
const bytes = readFileSync(at + 'weights.safetensors')
const start = 8 + Number(bytes.readBigUInt64LE(0))
for (let i = start; i < bytes.length; i += 4) bytes.writeFloatLE(bytes.readFloatLE(i) + ${step}, i)
writeFileSync(at + 'trained.safetensors', bytes)
writeFileSync(at + 'metrics.json', '{}')
`

describe('four keepers of a service that waits for three updates', function () {
  this.timeout(900_000)
  const manifest = clusterManifest('small-cnn', { rounds: { minTotalSamples: 300, clipNorm: 100, maxSamples: 1000 } })
  let cluster: Cluster
  let folder: string
  let plane: DataPlane
  let gate: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-buffer-'))
    gate = join(folder, 'gate')
    writeFileSync(join(folder, 'slow.mjs'), program(STEP.slow, gate))
    writeFileSync(join(folder, 'fast.mjs'), program(STEP.fast, null))
    cluster = await Cluster.create({
      keepers: 4,
      manifest,
      service: { buffer: 3, maxStaleness: MOST_BEHIND },
      windows: {
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 600,
        revealWindow: 300,
        aggregateWindow: 300,
        decryptWindow: 300,
        voteWindow: 300,
      },
      values: (index) => ({
        'network.fetchSeconds': 30,
        'training.command': [process.execPath, join(folder, index === SLOW ? 'slow.mjs' : 'fast.mjs')],
        'training.limits': { seconds: 600, network: 'allowed' },
      }),
    })
    for (const node of cluster.nodes) cluster.start(node)
    plane = await DataPlane.start({ folder: join(folder, 'ipfs'), identitySeed: new Uint8Array(32).fill(9) })
  })
  after(async () => {
    await plane?.stop()
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const of = (events: readonly ServiceEvent[], name: string) => events.filter((event) => event.name === name)

  it('complete rounds without the slow one, which keeps its seat and its stake', async () => {
    await cluster.accepted(cluster.nodes[0]!, 2, 600_000)
    const events = await cluster.events()
    const slow = BigInt(cluster.nodes[SLOW]!.seat)
    for (const round of [1n, 2n]) {
      const committed = of(events, 'UpdateCommitted').filter(({ args }) => args.round === round)
      expect(committed.map(({ args }) => args.seat))
        .to.have.length(3)
        .and.not.include(slow)
    }
    // None of the windows has passed.
    const [first] = of(events, 'UpdateCompleted')
    const opened = of(events, 'EpochOpened').at(-1)!
    const [from, to] = await Promise.all(
      [opened, first!].map(async ({ block }) => (await cluster.provider.getBlock(block))!.timestamp),
    )
    process.stdout.write(`      first round: ${to! - from!} s of the chain's time, key generation included\n`)
    expect(to! - from!).to.be.below(600)
  })

  it('take its update in a later round, with the version that it started from, and the weight 1/√(1 + versions since)', async () => {
    writeFileSync(gate, '')
    const slow = cluster.nodes[SLOW]!
    // Encrypted for a round that is over before the commitment, it comes in the next.
    const stale = await cluster.event('stale update', ({ name }) => name === 'StaleUpdateCommitted')
    const round = Number(stale.args.round)
    expect([stale.args.seat, stale.args.base]).to.deep.equal([BigInt(slow.seat), 0n])
    const line = await cluster.line(
      'a stale update',
      ({ node, event, round: of }) => node === slow.name && event === 'stale update' && of === round,
    )
    await cluster.accepted(cluster.nodes[0]!, round, 600_000)
    const events = await cluster.events()
    const draft = of(events, 'MembersDrafted').find(({ args }) => Number(args.round) === round)!
    expect(hasSeat(BigInt(draft.args.included), slow.seat)).to.equal(true)

    const spec = await specOf(manifest)
    const started = cluster.lines.find(({ event }) => event === 'started')!
    const providers = [(started.addresses as string[])[0]!]
    const weightsOf = async (version: bigint): Promise<Float32Array> => {
      if (version === 0n) return initialWeights(spec, manifest.model.initialSeed)
      const { args } = of(events, 'UpdateCompleted').find(({ args }) => args.versionId === version)!
      const cid = cidFromHex(String(args.cid))
      const bytes = await plane.fetch(cid, { maxBytes: modelBytes(spec.parameterCount), timeout: 60_000, providers })
      return decodeModelState(bytes, spec.parameterCount).weights
    }
    const { versionId } = of(events, 'UpdateCompleted').find(({ args }) => Number(args.round) === round)!.args
    const behind = Number(versionId) - 1
    expect(line).to.include({ base: 0, behind, weight: 1 / Math.sqrt(1 + behind) })
    const samples = of(events, 'UpdateRevealed')
      .filter(({ args }) => Number(args.round) === round && hasSeat(BigInt(draft.args.included), Number(args.seat)))
      .map(({ args }) => [args.seat, Number(args.samples)] as const)
    const total = samples.reduce((sum, [, count]) => sum + count, 0)
    const share = samples.find(([seat]) => seat === BigInt(slow.seat))![1] / total
    const [before, after] = await Promise.all([weightsOf(versionId - 1n), weightsOf(versionId)])
    const moved = after.reduce((sum, value, i) => sum + value - before[i]!, 0) / after.length
    const expected = (share * STEP.slow) / Math.sqrt(1 + behind)
    process.stdout.write(
      `      ${behind} versions behind: moved ${moved.toFixed(5)}, expected ${expected.toFixed(5)}\n`,
    )
    expect(moved).to.be.closeTo(expected, 0.02 * expected)
  })

  it('cost nobody a strike, stake or seat', async () => {
    const events = await cluster.events()
    expect(events.filter(({ name }) => ['Penalised', 'StruckOut', 'Dropped'].includes(name))).to.deep.equal([])
    for (const node of cluster.nodes) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
    expect(cluster.lines.filter(({ event }) => event === 'step missed' || event === 'exit')).to.deep.equal([])
  })
})
