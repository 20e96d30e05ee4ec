// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper with samples of its own among representatives of services: everybody can subtract their public updates from the mean.
import { expect } from 'chai'
import { JsonRpcApiProvider, ZeroAddress, ZeroHash } from 'ethers'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import { isHidden, leastHidden } from '../../../keepers/agent/steps/exposure.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { partyOfLower } from '../../../keepers/nested/index.ts'
import { vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage } from './round-stage.ts'
import { decryptAll, giveModel, judge, trainAll } from './whole-round.ts'

const [MEMBERS, THRESHOLD, LENGTH] = [4, 3, 50]
const OWN = 3
const SAMPLES = [100, 400, 250, 130]
const TREE = `0x${'7e'.repeat(20)}`
const SERVICES = ['a1', 'a2', 'a3'].map((byte) => `0x${byte.repeat(20)}`)
const tree = contractInterface('ServiceTree')
const service = contractInterface('ILearningService')

/** What member `index` brings: public for a representative. */
const updateOf = (index: number) => vectorOf(LENGTH, index, 0.5)

describe('a keeper of its own in a service of services', function () {
  this.timeout(120_000)
  let stages: RoundStage[]
  let kept: { next: { weights: Float32Array } | null }[]
  let lines: Record<string, unknown>[]
  let representatives: Set<number>
  /** Calls of contracts. */
  let asked = 0
  const global = new Float32Array(LENGTH).fill(0.5)

  /** @param admission the tree, or none: then keepers do not know that others are representatives */
  const open = async (admission: string, members: readonly number[] = [...SAMPLES.keys()]) => {
    lines = []
    stages = []
    representatives = new Set([0, 1, 2])
    for (const self of members) {
      const stage = await roundStage({ members: MEMBERS, threshold: THRESHOLD, self })
      const call = async ({ data }: { data: string }) => {
        // Whether the contract draws members.
        if (data.startsWith('0x01ffc9a7')) return '0x'
        asked += 1
        const { name, args } = (tree.parseTransaction({ data }) ?? service.parseTransaction({ data }))!
        if (name === 'lowerCount') return tree.encodeFunctionResult(name, [SERVICES.length])
        if (name === 'lowerAt') return tree.encodeFunctionResult(name, [SERVICES[Number(args[1])]!])
        const index = stage.frame.roster.findIndex(({ address }) => address.toLowerCase() === args[0].toLowerCase())
        return representatives.has(index) ? partyOfLower(SERVICES[index]!) : ZeroHash
      }
      const provider = Object.assign(Object.create(JsonRpcApiProvider.prototype), { call })
      const parameters = { ...(await stage.context.contracts.service.parameters()), admission }
      const log = (line: Record<string, unknown>) => void lines.push({ self, ...line })
      const train = async (weights: Float32Array) => ({
        weights: weights.map((value, i) => value + updateOf(self)[i]!),
        ...{ samples: SAMPLES[self]!, loss: 1 },
      })
      Object.assign(stage.context.trainer, { shard: { parameterCount: LENGTH, samples: SAMPLES[self] }, train })
      Object.assign(stage.context.config, { training: { source: representatives.has(self) ? 'service' : 'own' } })
      Object.assign(stage.context.log, { info: log, warn: log, error: log })
      Object.assign(stage.context, {
        coverage: { of: () => null, updateLength: LENGTH },
        contracts: { service: { parameters: async () => parameters, runner: { provider } } },
      })
      stages.push(stage)
    }
    kept = stages.map((stage) => giveModel(stage, { weights: global, moments: [] }))
  }
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  /** What anybody makes of the accepted model, the versions and the samples that the chain has: the rest of the sum. */
  const rest = (declared: readonly number[]): number[] => {
    const total = declared.reduce((sum, weight) => sum + weight, 0)
    const mean = kept[0]!.next!.weights.map((value, i) => value - global[i]!)
    return Array.from(mean, (value, i) =>
      [0, 1, 2].reduce((sum, index) => sum - declared[index]! * updateOf(index)[i]!, value * total),
    )
  }

  it('would have its update computed by everybody, did it not ask who represents services', async () => {
    await open(ZeroAddress)
    const declared = await trainAll(stages)
    expect(declared).to.deep.equal(SAMPLES)
    await decryptAll(stages, THRESHOLD)
    await judge(stages[0]!)
    const opened = rest(declared).map((value) => value / declared[OWN]!)
    const error = opened.reduce((most, value, i) => Math.max(most, Math.abs(value - updateOf(OWN)[i]!)), 0)
    expect(error).to.be.below(1e-3)
  })

  it('keeps its samples out of such a round, which goes on without them', async () => {
    await open(TREE)
    const declared = await trainAll(stages)
    expect(declared).to.deep.equal([100, 400, 250, 0])
    expect(lines.find(({ event }) => event === 'exposed')).to.include({
      ...{ self: OWN, members: 4, representatives: 3, minKeepers: 2, needed: 3 },
    })
    await decryptAll(stages, THRESHOLD)
    await judge(stages[0]!)
    // All that the sum holds beside the public updates is rounding.
    expect(Math.max(...rest(declared).map(Math.abs))).to.be.below(750 * 1e-4)
  })

  it('trains where enough of the others are keepers of their own, and asks once in an epoch', async () => {
    await open(TREE, [OWN])
    const [stage] = stages as [RoundStage]
    representatives = new Set()
    const calls = asked
    for (const round of [1, 2]) {
      expect(await training(stage.step({ state: 'Training', round }))).to.equal('done')
      expect(asked - calls).to.equal(1 + SERVICES.length + MEMBERS)
    }
    expect(stage.sent.map(({ method }) => method)).to.deep.equal(['commitUpdate', 'commitUpdate'])
    expect(lines.find(({ event }) => event === 'exposed')).to.equal(undefined)
  })

  it('commits to nothing while its endpoints do not say the same of it', async () => {
    await open(TREE, [OWN])
    const [stage] = stages as [RoundStage]
    const everywhere = async () => ['a', 'b'].map((host) => ({ endpoint: `https://${host}.example`, reason: 'away' }))
    Object.assign(stage.context, { endpoints: { count: 2, everywhere } })
    const error = await training(stage.step({ state: 'Training' })).catch((cause: unknown) => cause)
    expect(error).to.include({ code: 'unheard' })
    expect(stage.sent).to.deep.equal([])
  })

  it('has at least one more honest contributor of its own beside it in any sum that is opened, or stays out', () => {
    stages = []
    for (let members = 2; members <= 256; members++) {
      const quorum = Math.floor((2 * members) / 3) + 1
      for (const minKeepers of new Set([2, Math.ceil(members / 2), members])) {
        const fewest = Math.max(quorum, minKeepers)
        expect(isHidden({ members, minKeepers, representatives: 0 }), 'a flat service is as before').to.equal(true)
        for (let representatives = 0; representatives < members; representatives++) {
          if (!isHidden({ members, minKeepers, representatives })) continue
          // The worst sum: an update quorum, all representatives in it, and all the liars that may be.
          const own = fewest - representatives
          expect(own).to.be.at.least(minKeepers)
          expect(own - (members - quorum)).to.be.at.least(2)
        }
      }
    }
    expect(leastHidden({ members: 10, minKeepers: 3 })).to.equal(5)
  })
})
