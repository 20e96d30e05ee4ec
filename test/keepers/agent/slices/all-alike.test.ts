// SPDX-License-Identifier: GPL-3.0-or-later
// All members that answer for a slice deviate, and say alike what is not so: what the decision says of that, and what must hold all the same.
import { expect } from 'chai'
import { sharesBySlices } from '../../../../keepers/agent/slices/shares.ts'
import { ignoredHere } from '../../../../keepers/agent/slices/trust.ts'
import { lastAttested } from '../../../../keepers/agent/steps/attestation.ts'
import { candidateOf } from '../../../../keepers/agent/steps/candidate.ts'
import { sumOfRound } from '../../../../keepers/agent/steps/sum.ts'
import { bitmapOf } from '../../../../keepers/chain/index.ts'
import { aggregate, combine } from '../../../../keepers/fhe/index.ts'
import { cidFromHex, cidHex } from '../../../../keepers/network/cid.ts'
import { ROUND } from '../../fhe/ceremony.ts'
import { cidOfBytes, seatOfIndex } from '../round-stage.ts'
import {
  attestedBy,
  dutiesAfter,
  hashOf,
  MEMBERS,
  memberOf,
  revealToAll,
  type SliceStage,
  sliceStages,
} from '../slice-stage.ts'
import { giveModel } from '../whole-round.ts'
import { draftedFor, lieAbout } from './colluders.ts'

const { round } = ROUND
const ALL = bitmapOf(MEMBERS.map(seatOfIndex))
const sorted = (seats: Iterable<number>): number[] => [...seats].sort((a, b) => a - b)

describe('members of a slice that all say alike what is not so', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  beforeEach(async () => {
    stages = await sliceStages()
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const colludersOf = (slice: number): number[] => dutiesAfter(stages).members[slice]!.map(memberOf)
  const honestOf = (colluders: readonly number[]): SliceStage[] =>
    stages.filter((_, member) => !colluders.includes(member))
  const hashesOf = async (honest: readonly SliceStage[]): Promise<(string | undefined)[]> => {
    await attestedBy(stages)
    return honest.map((stage) => lastAttested(stage.step())?.hash)
  }
  /** What anybody gets who combines the shares of `voter`'s draft with all updates. */
  const meanOf = async (
    voter: SliceStage,
    cids: readonly string[],
    active: readonly number[],
  ): Promise<Float64Array> => {
    const updates = cids.map((cid, sender) => ({ sender, bytes: voter.blobs.get(cid)! }))
    const shares = voter.facts.flatMap(({ name, args }) =>
      name === 'ShareSubmitted' ? [voter.blobs.get(cidFromHex(String(args.cid)))!] : [],
    )
    const { mean } = await combine(voter.frame.engine, {
      ...{ context: ROUND, activeSet: active, shares, totalWeight: 100 * MEMBERS.length },
      aggregate: await aggregate(voter.frame.engine, { context: ROUND, keyHash: voter.keys.keyHash, updates }),
    })
    return mean
  }
  const expectModel = async (
    voter: SliceStage,
    cids: readonly string[],
    { next, active }: Awaited<ReturnType<typeof draftedFor>>,
  ): Promise<void> => {
    const { precision } = voter.frame.plan
    for (const [i, value] of (await meanOf(voter, cids, active)).entries()) {
      expect(next.next!.weights[i]).to.be.closeTo(value, precision.meanError)
    }
  }

  it('deceive the others, as the decision says', async () => {
    const hash = await hashOf(stages, await revealToAll(stages))
    const colluders = colludersOf(0)
    lieAbout(stages, 0, colluders)
    for (const attested of await hashesOf(honestOf(colluders))) expect(attested).not.to.equal(hash)
  })

  it('deceive nobody with what cannot be a sum, and are not heard any more', async () => {
    const hash = await hashOf(stages, await revealToAll(stages))
    const colluders = colludersOf(0)
    lieAbout(stages, 0, colluders, 'impossible')
    const honest = honestOf(colluders)
    expect(await hashesOf(honest)).to.deep.equal(honest.map(() => hash))
    for (const stage of honest) {
      expect(sorted(ignoredHere(stage.step()))).to.deep.equal(sorted(colluders.map(seatOfIndex)))
    }
  })

  it('do not keep the others from decrypting, for the shares do not depend on what was attested', async () => {
    const cids = await revealToAll(stages)
    const colluders = colludersOf(0)
    lieAbout(stages, 0, colluders, 'garbage')
    const [voter] = honestOf(colluders) as [SliceStage]
    const [attested] = await hashesOf([voter])
    expect(attested).not.to.equal(await hashOf(stages, cids))
    const draft = await draftedFor(voter, stages, attested)
    // In the state before Vote nobody adds up shares together: this keeper does that by itself.
    await candidateOf(voter.step({ state: 'Training' }), round)
    await expectModel(voter, cids, draft)
    expect(sorted(ignoredHere(voter.step()))).to.deep.equal(sorted(colluders.map(seatOfIndex)))
  })

  it('A5: do not keep one that they alone deceived from voting, nor from knowing who it was', async () => {
    const cids = await revealToAll(stages)
    const truth = await hashOf(stages, cids)
    const colluders = colludersOf(0)
    const [victim] = honestOf(colluders) as [SliceStage]
    lieAbout(stages, 0, colluders, 'small', (reader) => stages[reader] === victim)
    const others = stages.filter((stage) => stage !== victim)
    expect(await hashesOf(others)).to.deep.equal(others.map(() => truth))
    expect(lastAttested(victim.step())?.hash).not.to.equal(truth)
    const draft = await draftedFor(victim, stages, truth)
    await candidateOf(victim.step({ state: 'Training' }), round)
    await expectModel(victim, cids, draft)
    // Otherwise it would attest a false sum, and earn nothing, in as many rounds as they like.
    expect(sorted(ignoredHere(victim.step()))).to.deep.equal(sorted(colluders.map(seatOfIndex)))
  })

  /** All but one are deceived by garbage; to that one they contradict each other. What it then sees drafted. */
  const deceiveAllButOne = async () => {
    const cids = await revealToAll(stages)
    const truth = await hashOf(stages, cids)
    const colluders = colludersOf(0)
    const [wary, deceived] = honestOf(colluders) as [SliceStage, SliceStage]
    lieAbout(stages, 0, colluders, 'garbage', (reader) => stages[reader] !== wary)
    const [first] = colluders as [number]
    const { whispers } = stages[first]!
    lieAbout(stages, 0, [first], 'small', (reader) => stages[reader] === wary)
    const small = stages[first]!.whispers
    stages[first]!.whispers = (note, reader) => (stages[reader] === wary ? small : whispers)(note, reader)
    const [own, others] = await hashesOf([wary, deceived])
    expect(own).to.equal(truth)
    expect(others).not.to.equal(truth)
    return { wary, cids, draft: await draftedFor(wary, stages, others) }
  }

  it('do not keep one that they did not deceive from voting, though a quorum attested what they told', async () => {
    const { wary, cids, draft } = await deceiveAllButOne()
    await candidateOf(wary.step({ state: 'Training' }), round)
    await expectModel(wary, cids, draft)
  })

  it('do not have it give up the round where the shares do not open its sum either', async () => {
    const { wary } = await deceiveAllButOne()
    const share = wary.facts.find(({ name }) => name === 'ShareSubmitted')!
    const bytes = wary.blobs.get(cidFromHex(String(share.args.cid)))!.slice()
    bytes.fill(0x55, bytes.length >> 1)
    const cid = cidOfBytes(bytes)
    wary.blobs.set(cid, bytes)
    Object.assign(share.args, { cid: cidHex(cid) })
    for (const again of [0, 1]) {
      expect(await candidateOf(wary.step({ state: 'Training' }), round), String(again)).to.equal(null)
    }
  })

  it('do not have one with other updates than the rest vote for a model of its own', async () => {
    const cids = await revealToAll(stages)
    const [victim] = stages as [SliceStage]
    // Its endpoint told it of another update.
    const forged = victim.blobs.get(cids[1]!)!.slice()
    forged[forged.length >> 1]! ^= 1
    victim.facts.splice(victim.facts.findIndex(({ args }) => args.seat === seatOfIndex(1)), 1) // biome-ignore format: one line
    victim.reveal(1, forged)
    await draftedFor(victim, stages, await hashOf(stages, cids))
    for (const again of [0, 1])
      expect(await candidateOf(victim.step({ state: 'Vote' }), round), String(again)).to.equal(null)
  })

  it('A6: after a dispute nobody attests what it took from them before it', async () => {
    const cids = await revealToAll(stages)
    const colluders = colludersOf(0)
    lieAbout(stages, 0, colluders)
    await attestedBy(stages)
    const [victim] = honestOf(colluders) as [SliceStage]
    const sum = await sumOfRound(victim.step(), round, { without: 0n, slices: false })
    expect(sum?.hash).to.equal(await hashOf(stages, cids))
  })

  it('of shares: are not believed once somebody votes for another model', async () => {
    const cids = await revealToAll(stages)
    const aggregateHash = await hashOf(stages, cids)
    for (const stage of stages) {
      await draftedFor(stage, stages, aggregateHash)
      const { roundInfo } = stage.snapshot
      stage.snapshot = { ...stage.snapshot, state: 'Vote', roundInfo: { ...roundInfo, attesters: ALL } }
    }
    const colluders = dutiesAfter(stages, 'ShareSubmitted').members[0]!.map(memberOf)
    lieAbout(stages, 0, colluders)
    const [voter, other] = honestOf(colluders) as [SliceStage, SliceStage]
    for (const stage of [voter, other]) {
      giveModel(stage, { weights: new Float32Array(stage.frame.plan.vectorLength), moments: [] })
    }
    voter.tell('ModelVoted', { round, seat: seatOfIndex(0), modelCommitment: `0x${'02'.repeat(32)}`, candidate: 0 })
    const submittedOf = (stage: SliceStage) =>
      stage.facts
        .filter(({ name }) => name === 'ShareSubmitted')
        .map((fact) => ({ seat: Number(fact.args.seat), fact }))
    await Promise.all(
      stages.map((stage) =>
        [voter, other].includes(stage)
          ? candidateOf(stage.step(), round)
          : sharesBySlices(stage.step(), stage.frame, round, submittedOf(stage)),
      ),
    )
    expect(sorted(ignoredHere(voter.step()))).to.deep.equal(sorted(colluders.map(seatOfIndex)))
    // Nobody told this one of another model.
    expect([...ignoredHere(other.step())]).to.deep.equal([])
  })
})
