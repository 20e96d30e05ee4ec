// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper says of others' updates to the chain, when one of its endpoints tells of other updates than the chain has.
import { expect } from 'chai'
import { toQuantity } from 'ethers'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { check } from '../../../keepers/agent/behaviours/check.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { contradictionText } from '../../../keepers/agent/steps/contradiction.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { checkUpdatePoint, settleCheck, type UpdateClaim, updateClaim } from '../../../keepers/fhe/index.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { type RoundStage, revealsTold, roundStage, seatOfIndex } from './round-stage.ts'

const ALL = [0, 1, 2, 3, 4]
const SELF = 1
const seats = bitmapOf(ALL.map(seatOfIndex))
const topicOf = (name: 'UpdateRevealed') => contractInterface('ILearningService').getEvent(name)!.topicHash

describe('what a keeper says of others’ updates', function () {
  this.timeout(120_000)
  let stage: RoundStage
  let updates: Uint8Array[]
  /** What is on the chain. */
  let truth: Fact[]
  const { round } = ROUND

  beforeEach(async () => {
    stage = await roundStage({ members: ALL.length, threshold: 3, self: SELF })
    const roundInfo = { ...stage.snapshot.roundInfo, committed: seats, revealed: seats }
    stage.snapshot = { ...stage.snapshot, state: 'Aggregate', roundInfo }
    updates = []
    for (const member of ALL) updates.push(await stage.updateOf(member))
    for (const member of ALL) stage.reveal(member, updates[member]!)
    truth = [...stage.facts]
    // The first endpoint tells of another update of member 3's, which that member lends it: its proof looks right.
    const at = stage.facts.findIndex(({ args }) => args.seat === seatOfIndex(3))
    stage.facts.splice(at, 1)
    stage.reveal(3, forge(updates[3]!))
  })
  afterEach(() => stage.close())

  /** Endpoints that the keeper went over to. */
  let preferred: string[] = []

  /**
   * What further endpoints tell; null for those that do not answer.
   * @param behind Those among them that have not got to the blocks in question, by their place.
   * @param own The place of the operator's own.
   */
  function beside(others: (readonly Fact[] | null)[], { behind = [] as number[], own = -1 } = {}): void {
    preferred = []
    const everywhere = async (method: string, params: readonly unknown[]) =>
      [stage.facts, ...others].map((facts, i) => {
        const answer = { endpoint: `e${i}`, ...(i === own ? { own: true as const } : {}) }
        if (facts === null) return { ...answer, reason: 'HTTP 502' }
        const late = behind.includes(i)
        if (late && method === 'eth_getBlockByNumber') return { ...answer, result: null }
        return { ...answer, result: revealsTold(method, params, late ? [] : facts) }
      })
    const prefer = (endpoint: string) => preferred.push(endpoint)
    Object.assign(stage.context, { endpoints: { count: 1 + others.length, everywhere, prefer } })
  }

  const calls = (method: string) => stage.sent.filter((sent) => sent.method === method).map(({ args }) => args)
  const checking = () => {
    stage.snapshot = { ...stage.snapshot, state: 'Check' }
  }

  /** Whom the members convict, by what is on the chain. `own` replaces what this keeper posted. */
  async function convicted(
    disputes: { accuser: number; accused: number }[],
    own?: Uint8Array,
  ): Promise<readonly number[]> {
    const { engine, plan } = stage.frame
    const claims: UpdateClaim[] = updates.map((bytes, sender) =>
      updateClaim(engine, { context: ROUND, keyHash: stage.keys.keyHash, sender, bytes }),
    )
    const posted = new Map<number, Uint8Array>()
    for (const member of ALL) {
      const memberKey = stage.keys.memberKeys.get(member)!
      const scalars: Uint8Array[] = []
      for (const [sender, bytes] of updates.entries()) {
        scalars.push((await checkUpdatePoint(engine, { context: ROUND, memberKey, sender, bytes })).scalar)
      }
      posted.set(member, member === SELF && own ? own : Buffer.concat(scalars))
    }
    return settleCheck(plan, { claims, posted, disputes }).convicted
  }

  it('the attack: one endpoint, believed, has it accuse an honest sender, and contradict one, and pay for either', async () => {
    await aggregate(stage.step())
    expect(calls('dispute')).to.deep.equal([[BigInt(round), BigInt(seatOfIndex(3))]])
    expect(await convicted([{ accuser: SELF, accused: 3 }])).to.deep.equal([SELF])
    checking()
    await check(stage.step())
    const posted = Buffer.from(String(calls('submitCheck')[0]![1]).slice(2), 'hex')
    expect(await convicted([{ accuser: 0, accused: 4 }], posted)).to.deep.include(SELF)
  })

  it('is nothing against another endpoint, which tells of another update, or of more', async () => {
    beside([truth])
    const late = { time: stage.snapshot.end - 40 }
    await aggregate(stage.step())
    checking()
    for (const changes of [{}, late]) expect(await check(stage.step(changes))).to.equal('again')
    // Silence that nobody notices lasts as long as the lie: the operator hears of it.
    const { remembered, metrics } = stage.context
    expect(contradictionText(remembered)).to.match(
      / and .* contradict each other about UpdateRevealed since .*: .*chain\.own/,
    )
    expect((await metrics.contradicted.get()).values[0]!.value).to.equal(1)
    // The forged one is gone, and so is what the chain has.
    stage.facts.splice(0, Infinity, ...truth.slice(0, 4))
    expect(await check(stage.step(late))).to.equal('again')
    expect(stage.sent).to.deep.equal([])
    stage.facts.splice(0, Infinity, ...truth)
    expect(await check(stage.step())).to.equal('done')
    expect(calls('submitCheck')).to.have.length(1)
    expect(contradictionText(remembered)).to.equal(null)
    expect((await metrics.contradicted.get()).values[0]!.value).to.equal(0)
  })

  it('is not that too few can be added up, when that is so by one endpoint alone', async () => {
    const rubbish = (member: number) => {
      const at = stage.facts.findIndex(({ args }) => args.seat === seatOfIndex(member))
      stage.facts.splice(at, 1)
      stage.reveal(member, new Uint8Array(100))
    }
    stage.facts.splice(0, Infinity, ...truth)
    for (const member of [2, 3]) rubbish(member)
    beside([truth])
    await aggregate(stage.step())
    expect(stage.sent).to.deep.equal([])
    // The attack: believed, it has the keeper say that honest members have revealed nothing of use.
    beside([])
    await aggregate(stage.step())
    expect(calls('attest')).to.have.length(1)
  })

  it('is nothing when another endpoint has reveals in later blocks, or when this one tells of none', async () => {
    checking()
    const late = { time: stage.snapshot.end - 40 }
    const later = truth.map((fact, i) => (i === 4 ? { ...fact, block: fact.block + 1 } : fact))
    for (const hidden of [later.slice(0, 4), []]) {
      stage.facts.splice(0, Infinity, ...hidden)
      beside([later])
      expect(await check(stage.step({ ...late, block: stage.snapshot.block + 1 }))).to.equal('again')
    }
    expect(stage.sent).to.deep.equal([])
    // The attack, where only the blocks of what was told are compared.
    const blocks = later.slice(0, 4).map(({ block }) => block)
    const range = { topics: [topicOf('UpdateRevealed')], fromBlock: Math.min(...blocks), toBlock: Math.max(...blocks) }
    expect(revealsTold('eth_getLogs', [range], later)).to.deep.equal(
      revealsTold('eth_getLogs', [range], later.slice(0, 4)),
    )
  })

  it('is not said before the reveals are final: after a reorganisation it would be said of other ones', async () => {
    Object.assign(stage.context.config.chain, { confirmations: 3 })
    const { block } = stage.snapshot
    for (const since of [0, 1]) {
      await aggregate(stage.step({ block: block + since }))
      expect(calls('dispute')).to.deep.equal([])
    }
    checking()
    expect(await check(stage.step({ block: block + 1 }))).to.equal('again')
    expect(await check(stage.step({ block: block + 2 }))).to.equal('done')
    stage.snapshot = { ...stage.snapshot, state: 'Aggregate' }
    await aggregate(stage.step({ block: block + 2 }))
    expect(calls('dispute')).to.have.length(1)
  })

  it('goes by one endpoint when the others do not answer in time', async () => {
    beside([null])
    checking()
    stage.facts.splice(0, Infinity, ...truth)
    expect(await check(stage.step())).to.equal('again')
    expect(await check(stage.step({ time: stage.snapshot.end - 40 }))).to.equal('done')
    expect(await convicted([], Buffer.from(String(calls('submitCheck')[0]![1]).slice(2), 'hex'))).to.deep.equal([])
  })

  it('goes by one endpoint when the other stands still: what that one lacks contradicts nobody', async () => {
    beside([[]], { behind: [1] })
    checking()
    stage.facts.splice(0, Infinity, ...truth)
    expect(await check(stage.step())).to.equal('again')
    expect(await check(stage.step({ time: stage.snapshot.end - 40 }))).to.equal('done')
  })

  describe('on one endpoint`s word about blocks that the others cannot tell of', () => {
    // Past the patience, and early enough to dispute.
    const late = () => ({ time: stage.snapshot.end - 60 })
    /** The others tell the truth: of few blocks at once, and of those up to their head. */
    const truthful = (head: number, timestamp = 0) => {
      beside([truth, truth])
      const { everywhere } = stage.context.endpoints
      const bounded: typeof everywhere = async (method, params) => {
        const answers = await everywhere(method, params)
        const { fromBlock, toBlock } = params[0] as { fromBlock?: string; toBlock?: string }
        return answers.map((answer, i) => {
          const { endpoint } = answer
          if (i === 0) return answer
          if (method === 'eth_getLogs' && Number(toBlock) - Number(fromBlock) > 1_000)
            return { endpoint, reason: 'up to 1000 blocks' }
          if (method !== 'eth_getBlockByNumber') return answer
          if (params[0] === 'latest')
            return { endpoint, result: { number: toQuantity(head), timestamp: toQuantity(timestamp) } }
          return Number(params[0]) > head ? { endpoint, result: null } : answer
        })
      }
      Object.assign(stage.context.endpoints, { everywhere: bounded })
    }
    /** The lie, in another block. */
    const moveLie = (block: number) => {
      const [lie] = stage.facts.splice(-1)
      stage.tell('UpdateRevealed', { ...lie!.args }, block)
    }

    it('says nothing when those are too far apart for them to look through', async () => {
      const { block } = stage.snapshot
      moveLie(block + 5_000)
      truthful(block + 6_000)
      await aggregate(stage.step({ ...late(), block: block + 6_000 }))
      expect(stage.sent).to.deep.equal([])
      expect(preferred).to.deep.equal(['e1'])
    })

    it('says nothing when they go on and have not come to such blocks', async () => {
      const { block } = stage.snapshot
      moveLie(block + 1_000)
      truthful(block)
      await aggregate(stage.step({ ...late(), block: block + 1_002 }))
      expect(stage.sent).to.deep.equal([])
      expect(preferred).to.deep.equal(['e1'])
      // The attack, when whoever is short of a block counts as behind, as those do that have stood still.
      Object.assign(stage.context, { clock: { now: () => 1_000_000, sleep: async () => undefined } })
      truthful(block, 1)
      await aggregate(stage.step({ ...late(), block: block + 1_002 }))
      expect(calls('dispute')).to.have.length(1)
    })
  })

  it('leaves an endpoint that two others contradict, and reads again what it told', async () => {
    beside([truth, truth])
    checking()
    const late = { time: stage.snapshot.end - 40 }
    expect(await check(stage.step(late))).to.equal('again')
    expect(preferred).to.deep.equal(['e1'])
    expect(stage.context.remembered.reread).to.equal(Math.min(...truth.map(({ block }) => block)))
    // The loop has read them again.
    stage.facts.splice(0, Infinity, ...truth)
    expect(await check(stage.step())).to.equal('done')
  })

  it('with two endpoints, neither the own one, a lie silences the keeper; the own one is believed against it', async () => {
    const lie = [...stage.facts]
    checking()
    stage.facts.splice(0, Infinity, ...truth)
    const late = { time: stage.snapshot.end - 40 }
    beside([lie])
    expect(await check(stage.step(late))).to.equal('again')
    expect(preferred).to.deep.equal([])
    beside([lie], { own: 0 })
    expect(await check(stage.step())).to.equal('done')
    // Nor is anything believed against the own one, however many say it.
    stage.facts.splice(0, Infinity, ...lie)
    beside([lie, truth], { own: 2 })
    expect(await check(stage.step(late))).to.equal('again')
    expect(preferred).to.deep.equal(['e2'])
  })
})
