// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { hasSeat, seatsOf } from '../../keepers/chain/seats.ts'
import { memoryOf } from '../../scripts/bench/round/processor.ts'
import { Cluster } from '../../scripts/cluster.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import { lieTold, roundOver, STAKE, startLiar } from '../e2e/liars.ts'

/**
 * It runs only when COHORT_MANY says how many: 48 take some 10 GiB of memory, two free processors and ten minutes.
 * 12 (210 MiB each) took 170 s on a busy one.
 */
const asked = process.env.COHORT_MANY
const KEEPERS = Number(asked ?? 48)
const KILLED = Math.floor((10 * KEEPERS) / 48)
const LIARS = Math.max(1, Math.floor((3 * KEEPERS) / 48))
const QUORUM = Math.floor((2 * KEEPERS) / 3) + 1
/** Half of it is waited for those that are killed, while the rest add up everything. */
const AGGREGATE_WINDOW = 80 + 9 * KEEPERS

const described = asked === undefined ? describe.skip : describe

described(`${KEEPERS} keepers that add up by slices`, function () {
  this.timeout(1_800_000)
  let cluster: Cluster
  let killed: KeeperNode[]
  let liars: KeeperNode[]
  let honest: KeeperNode[]

  before(async () => {
    cluster = await Cluster.create({
      keepers: KEEPERS,
      pace: 'punctual',
      // All but Aggregate end when all have acted.
      windows: {
        registrationWindow: 60,
        keyWindow: 1_800,
        trainingWindow: 1_200,
        revealWindow: 600,
        aggregateWindow: AGGREGATE_WINDOW,
        decryptWindow: 600,
        voteWindow: 900,
      },
      // Pads for few rounds: a dealing has some for each.
      service: { decryptionsPerEpoch: 8 },
      values: () => ({ 'network.slices': true, 'network.fetchSeconds': 60, 'chain.pollSeconds': 3 }),
    })
    killed = cluster.nodes.slice(0, KILLED)
    honest = cluster.nodes.slice(KILLED, KEEPERS - LIARS)
    liars = cluster.nodes.slice(KEEPERS - LIARS)
    for (const node of [...killed, ...honest]) cluster.start(node)
    for (const node of liars) startLiar(cluster, node, { 1: 'wrong slice' }, ['wrong slice'])
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it(`complete a round in which ${KILLED} are killed once they have revealed, and ${LIARS} lie about their slices`, async () => {
    const isAggregate = ({ event, state, round }: Record<string, unknown>): boolean =>
      event === 'state' && state === 'Aggregate' && round === 1
    await cluster.line('Aggregate', isAggregate, 1_200_000)
    const memory = honest.flatMap((node) => memoryOf(cluster.pid(node))?.withShared ?? [])
    await Promise.all(killed.map((node) => cluster.kill(node)))
    for (const liar of liars) await lieTold(cluster, liar, 'wrong slice', 600_000)
    await roundOver(cluster, 1, 1_200_000)

    const events = await cluster.events()
    const completed = events.find(({ name, args }) => name === 'UpdateCompleted' && Number(args.round) === 1)
    expect(completed, 'round 1').not.to.equal(undefined)
    const draft = events.find(({ name, args }) => name === 'MembersDrafted' && Number(args.round) === 1)!
    const included = draft.args.included as bigint
    for (const node of honest) expect(hasSeat(included, node.seat), node.name).to.equal(true)
    expect(seatsOf(draft.args.attesters as bigint)).to.have.length.of.at.least(QUORUM)
    for (const node of killed) expect(hasSeat(draft.args.drafted as bigint, node.seat), node.name).to.equal(false)
    // Nobody is thought a liar but those that lie, and nobody pays for another's lies.
    const lying = liars.map(({ seat }) => seat)
    for (const { seats } of cluster.lines.filter(({ event }) => event === 'notes ignored')) {
      expect(lying).to.include.members(seats as number[])
    }
    for (const node of honest) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
    const mean = memory.reduce((sum, bytes) => sum + bytes, 0) / memory.length / 2 ** 20
    process.stdout.write(`      ${mean.toFixed(0)} MiB a keeper, shared pages divided\n`)
  })
})
