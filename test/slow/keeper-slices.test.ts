// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Cluster, type Line } from '../../scripts/cluster.ts'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'
import { lieTold, roundOver, STAKE, startLiar } from '../e2e/liars.ts'

const KEEPERS = 7
const LIE_IN = 3
const ROUNDS = 6

describe('seven keepers that add up by slices, and a liar among them', function () {
  this.timeout(1_200_000)
  let cluster: Cluster
  let liar: KeeperNode
  let honest: KeeperNode[]

  before(async () => {
    cluster = await Cluster.create({
      keepers: KEEPERS,
      windows: {
        registrationWindow: 60,
        keyWindow: 600,
        trainingWindow: 300,
        revealWindow: 150,
        aggregateWindow: 200,
        decryptWindow: 120,
        voteWindow: 120,
      },
      values: () => ({ 'network.slices': true, 'network.fetchSeconds': 20 }),
    })
    liar = cluster.nodes[KEEPERS - 1]!
    honest = cluster.nodes.slice(0, KEEPERS - 1)
    for (const node of honest) cluster.start(node)
    // From then on, in every round.
    startLiar(cluster, liar, { [LIE_IN - 1]: 'wrong slice', [LIE_IN]: 'wrong slice' }, ['wrong slice'])
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  const ofRound = (event: string, round: number, message: string, node: KeeperNode): Line | undefined =>
    cluster.lines.find(
      (line) => line.event === event && line.round === round && line.message === message && line.node === node.name,
    )

  it('complete every round by the same sums, and hear the liar no more', async () => {
    await roundOver(cluster, ROUNDS, 900_000)
    const completed = (await cluster.events()).filter(({ name }) => name === 'UpdateCompleted')
    expect(completed.map(({ args }) => Number(args.round))).to.include.members([1, 2, 3, 4, 5])
    const first = await lieTold(cluster, liar, 'wrong slice')
    // The first rounds were added up together.
    expect(honest.filter((node) => ofRound('slices', 1, 'update', node)).length).to.equal(honest.length)
    expect(honest.filter((node) => ofRound('slices', 1, 'decryption share', node)).length).to.equal(honest.length)
    // A lie is seen by those that hear it, whatever slice it is about; some rounds the liar adds up nothing.
    const ignoring = cluster.lines.filter((line) => line.event === 'notes ignored')
    expect(ignoring.length).to.be.greaterThan(0)
    for (const line of ignoring) {
      expect(line.seats).to.deep.equal([
        cluster.lines.find(({ node, event }) => node === liar.name && event === 'lied')!.seat,
      ])
      expect(Number(line.round)).to.be.at.least(first)
    }
    // Later lies change nothing.
    const last = Math.max(...ignoring.map((line) => Number(line.round)))
    expect(last).to.be.lessThan(ROUNDS)
    for (const node of honest) expect(ofRound('slices disagree', ROUNDS, 'update', node), node.name).to.equal(undefined)
    for (const node of honest) expect(await cluster.stakeOf(node), node.name).to.equal(STAKE)
  })

  it('complete a round when one is killed after its reveal', async () => {
    const { round } = await cluster.line(
      'a reveal',
      (line) => line.event === 'state' && line.state === 'Aggregate',
      600_000,
      cluster.lines.length,
    )
    await cluster.kill(honest[0]!)
    await cluster.accepted(honest[3]!, Number(round), 600_000)
  })
})
