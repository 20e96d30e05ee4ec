// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Cluster, type ServiceEvent } from '../../scripts/cluster.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import type { Lie } from '../e2e/liar.ts'
import { roundOver, STAKE, startLiar } from '../e2e/liars.ts'

/** Garbage that no proof covers, whenever it is drafted: nothing convicts its sender. */
const LIES: Readonly<Record<string, Lie>> = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [i + 1, 'wrong share' as const]),
)
/** Of 1,000 simulated services, 95 % lose no more than 4 rounds to such a member; one that is not among them must not fail this. */
const LOST_AT_MOST = 6
const ROUNDS = 10

describe('seven keepers and a spoiler among them that falsifies each share it gives', function () {
  this.timeout(1_800_000)
  let cluster: Cluster
  let spoiler: KeeperNode

  before(async () => {
    cluster = await Cluster.create({
      keepers: 7,
      windows: {
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 300,
        revealWindow: 150,
        aggregateWindow: 120,
        decryptWindow: 60,
        voteWindow: 40,
      },
    })
    spoiler = cluster.nodes[6]!
    for (const node of cluster.nodes.slice(0, 6)) cluster.start(node)
    startLiar(cluster, spoiler, LIES)
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  it('lose a few rounds, leave it out, and lose none after that', async () => {
    await roundOver(cluster, ROUNDS, 1_500_000)
    const events = await cluster.events()
    const completed = new Set(
      events.filter(({ name }) => name === 'UpdateCompleted').map(({ args }) => Number(args.round)),
    )
    const lied = new Set(cluster.lines.filter((line) => line.event === 'lied').map((line) => Number(line.round)))
    expect(lied.size, 'rounds that it was drafted in').to.be.greaterThan(0)
    const lost = Array.from({ length: ROUNDS }, (_, i) => i + 1).filter((round) => !completed.has(round))
    // After a loss, the suspects that are left out may be missed: a round can end without a draft, too.
    expect(lost.length, `lost ${lost}; it spoiled ${[...lied]}`).to.be.within(1, LOST_AT_MOST)
    const leftOut = events.filter((event: ServiceEvent) => event.name === 'MembersLeftOut')
    expect(leftOut.length).to.be.greaterThan(0)
    for (const node of cluster.nodes.slice(0, 6)) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
  })
})
