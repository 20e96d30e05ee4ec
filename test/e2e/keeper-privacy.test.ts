// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { keeperStatus, loadConfig } from '../../keepers/agent/index.ts'
import { clientPrivacySchema, clientPrivacySpent } from '../../keepers/learning/index.ts'
import { Cluster } from '../../scripts/demo/cluster.ts'

const privacy = clientPrivacySchema.parse({ noiseMultiplier: 0.05, contributors: 3 })
const strategy = { kind: 'fedyogi', learningRate: 0.01, clip: 1 }

describe('keepers with a server step and noise of their own', function () {
  this.timeout(900_000)
  let cluster: Cluster
  before(async () => {
    cluster = await Cluster.create({
      keepers: 4,
      windows: {
        keyWindow: 400,
        trainingWindow: 300,
        revealWindow: 200,
        aggregateWindow: 200,
        decryptWindow: 200,
        voteWindow: 200,
      },
      values: () => ({
        'service.profile.strategy': strategy,
        'service.profile.privacy': privacy,
        'service.profile.clipNorm': 1,
        // The noise is there to be measured; whether the model is any good is another test's business.
        'service.profile.voteTolerance': 1,
      }),
    })
  })
  after(() => cluster?.[Symbol.asyncDispose]())

  it('agree to the bit over two rounds, send noise, and report the ε that the chain shows', async () => {
    for (const node of cluster.nodes) cluster.start(node)
    const [first, second] = [1, 2]
    // A restart between the rounds: the strategy's memory comes from the accepted blob.
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, first, 400_000)))
    const [node] = cluster.nodes
    await cluster.kill(node!)
    cluster.start(node!)
    await Promise.all(cluster.nodes.map((each) => cluster.accepted(each, second, 400_000)))

    const candidates = cluster.lines.filter((line) => line.event === 'candidate')
    for (const round of [first, second]) {
      const models = candidates.filter((line) => line.round === round)
      expect(models.length, `round ${round}`).to.be.at.least(3)
      expect(new Set(models.map((line) => `${line.cid} ${line.commitment}`)).size, `round ${round}`).to.equal(1)
      // Each weight of the mean carries noise of σC/√(k·n): a norm that no update within clipNorm has by itself.
      for (const { norm } of models) expect(Number(norm)).to.be.above(1.2)
      // All weigh the same: maxSamples each, whatever they hold.
      for (const { samples, contributors } of models) expect(samples).to.equal(1000 * Number(contributors))
    }

    const events = await cluster.events()
    const contributors = events
      .filter(({ name, args }) => name === 'MembersDrafted' && Number(args.round) <= second)
      .map(
        ({ args }) =>
          BigInt(args.included as bigint)
            .toString(2)
            .replaceAll('0', '').length,
      )
    expect(contributors).to.have.length(2)
    const config = loadConfig(node!.folder)
    const { privacy: spent } = await keeperStatus(config, node!.operator)
    const least = clientPrivacySpent(privacy, contributors)
    expect(spent!.rounds).to.be.at.least(2)
    expect(spent!.epsilon).to.be.at.least(least.epsilon!)
    if (spent!.rounds === 2) expect(spent).to.deep.equal(least)
  })
})
