// SPDX-License-Identifier: GPL-3.0-or-later
// What members that deviate can do to sums by slices. Each case states what must hold.
import { expect } from 'chai'
import { aggregate as aggregateBehaviour } from '../../../../keepers/agent/behaviours/aggregate.ts'
import { decodeNote, encodeNote } from '../../../../keepers/agent/slices/note-format.ts'
import {
  ignore,
  ignoredHere,
  maySlice,
  noteFailed,
  noteSilence,
  silentHere,
} from '../../../../keepers/agent/slices/trust.ts'
import { lastAttested } from '../../../../keepers/agent/steps/attestation.ts'
import { sumOfRound } from '../../../../keepers/agent/steps/sum.ts'
import { bitmapOf, systemClock } from '../../../../keepers/chain/index.ts'
import { NetworkError } from '../../../../keepers/network/index.ts'
import { forge } from '../../../../scripts/demo/tamper.ts'
import { ROUND } from '../../fhe/ceremony.ts'
import { seatOfIndex } from '../round-stage.ts'
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
import { checkerOf, lieAbout, planeOf, withhold } from './colluders.ts'

const { round } = ROUND

describe('attacks on sums by slices', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  beforeEach(async () => {
    stages = await sliceStages()
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  it('A1: no fetch of a sum is given more time than the patience has left', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 60 })
    const [victim] = stages as [SliceStage]
    const plane = planeOf(victim)
    const { fetch } = plane.parts
    let longest = 0
    plane.parts.fetch = async (cid, range, options) => {
      if (!cids.includes(cid)) longest = Math.max(longest, options.timeout)
      return fetch.call(plane.parts, cid, range, options)
    }
    await attestedBy(stages)
    // 0.15 of a window of 100 s. Each of two makers that stall takes this long, and attesting ends after 50 s.
    expect(longest).to.be.at.most(15_000)
  })

  it('A2: an update whose checker was not heard is not attested unchecked', async () => {
    const cids = await revealToAll(stages, { 2: forge })
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 1.5 })
    const checker = checkerOf(stages, 2)
    // The sender of the garbage keeps its whole update from the one member that would check it. Nobody helps it.
    const { fetch } = planeOf(stages[checker]!)
    planeOf(stages[checker]!).fetch = async (of, options) => {
      if (of !== cids[2]) return fetch.call(planeOf(stages[checker]!), of, options)
      await systemClock.sleep(options.timeout)
      throw new NetworkError('TIMEOUT', 'withheld')
    }
    const garbage = await hashOf(stages, cids)
    const others = stages.filter((_, member) => member !== checker && member !== 2)
    const slow = systemClock.sleep(300).then(() => attestedBy([stages[checker]!]))
    const [hashes] = await Promise.all([attestedBy(others), attestedBy([stages[2]!]), slow])
    expect(hashes).not.to.include(garbage)
  })

  it('A3: a sender that keeps its update from one honest member has nobody stop listening to that member', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 1.5 })
    const sender = 6
    const victim = memberOf(dutiesAfter(stages).members[0]!.find((seat) => seat !== seatOfIndex(sender))!)
    let over = false
    withhold(stages[victim]!, cids[sender]!, () => over)
    const others = stages.filter((_, member) => member !== sender && member !== victim)
    const all = Promise.all([attestedBy(others), attestedBy([stages[sender]!]), attestedBy([stages[victim]!])])
    await systemClock.sleep(1_600)
    over = true
    await all
    for (const stage of others) {
      expect([...ignoredHere(stage.step())]).not.to.include(seatOfIndex(victim))
      // Nor was it late with what it said: one silence more, and it would be the second.
      noteSilence(stage.step(), [seatOfIndex(victim)], new Set())
      expect([...silentHere(stage.step())]).not.to.include(seatOfIndex(victim))
    }
  })

  it('A3f: nobody waits for a member that fell silent, but what it says in time counts', async () => {
    const cids = await revealToAll(stages)
    const [quiet, ...liars] = dutiesAfter(stages).members[0]!.map(memberOf) as [number, number, number]
    lieAbout(stages, 0, liars)
    const others = stages.filter((_, member) => !liars.includes(member))
    for (const stage of others) for (const _ of [1, 2]) noteSilence(stage.step(), [seatOfIndex(quiet)], new Set())
    const [hashes] = await Promise.all([attestedBy(others), attestedBy(liars.map((member) => stages[member]!))])
    const truth = await hashOf(stages, cids)
    expect(hashes).to.deep.equal(others.map(() => truth))
  })

  it('A3e: a message kept from one member of a slice does not have the other two believed', async () => {
    const cids = await revealToAll(stages)
    const [kept, ...liars] = dutiesAfter(stages).members[0]!
    const sender = MEMBERS.map(seatOfIndex).find((seat) => !dutiesAfter(stages).members[0]!.includes(seat))!
    stages[memberOf(kept!)]!.speaks = ({ of }) => ({ of, sums: {}, lacks: [sender] })
    lieAbout(stages, 0, liars.map(memberOf))
    const others = stages.filter((_, member) => !liars.map(memberOf).includes(member))
    const [hashes] = await Promise.all([attestedBy(others), attestedBy(liars.map((seat) => stages[memberOf(seat)]!))])
    const truth = await hashOf(stages, cids)
    expect(hashes).to.deep.equal(others.map(() => truth))
    const heard = others.filter((stage) => stage !== stages[memberOf(kept!)])
    for (const stage of heard) expect([...ignoredHere(stage.step())]).to.have.members(liars)
  })

  it('A4: a sender, its checker and an ambiguous note do not split the sum round after round', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 3 })
    const sender = 2
    const checker = checkerOf(stages, sender)
    const honest = stages.filter((_, member) => member !== sender && member !== checker)
    // Slices to all, the whole to the accomplice alone.
    for (const stage of honest) {
      const plane = planeOf(stage)
      const { fetch } = plane
      plane.fetch = async (of, options) => {
        if (of === cids[sender]) throw new NetworkError('UNAVAILABLE', 'nobody has it whole')
        return fetch.call(plane, of, options)
      }
    }
    // To two of five it says that something is wrong.
    for (const stage of honest.slice(0, 2)) {
      const { parts } = planeOf(stage)
      const { ask } = parts
      parts.ask = async (name, options) => {
        const note = await ask.call(parts, name, options)
        if (note === null || options.provider !== String(seatOfIndex(sender))) return note
        return encodeNote({ ...decodeNote(note)!, lacks: [seatOfIndex(sender)] })
      }
    }
    await Promise.all([attestedBy(honest), attestedBy([stages[sender]!, stages[checker]!])])
    for (const stage of honest) stage.snapshot = { ...stage.snapshot, time: stage.snapshot.time + 41 }
    await Promise.all(honest.map((stage) => aggregateBehaviour(stage.step())))
    const hashes = honest.map((stage) => lastAttested(stage.step())?.hash)
    const most = Math.max(...hashes.map((hash) => hashes.filter((other) => other === hash).length))
    // Either they agree, or the loss is what `maySlice` goes by: a round that ends in Aggregate has no UpdateIncomplete.
    const [stage] = honest as [SliceStage]
    stage.tell('Transitioned', {
      from: 7,
      to: 5,
      trigger: 4,
      epoch: stage.snapshot.epoch,
      round: round + 1,
      deadline: 2_000,
    })
    const slicesAgain = maySlice({ context: stage.context, snapshot: { ...stage.snapshot, round: round + 1 } })
    expect({ lost: most < stage.snapshot.epochInfo.quorum, slicesAgain }).not.to.deep.equal({
      lost: true,
      slicesAgain: true,
    })
  })

  it('A9: two members that lack what they have do not cost the others their patience in every round', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 3 })
    const seats = MEMBERS.map(seatOfIndex)
    // As many as one may lack, and more than a third of all together.
    stages[0]!.speaks = (note) => ({ ...note, lacks: seats.slice(2, 4) })
    stages[1]!.speaks = (note) => ({ ...note, lacks: seats.slice(4, 6) })
    const honest = stages.slice(2)
    const truth = await hashOf(stages, cids)
    const [hashes] = await Promise.all([attestedBy(honest), attestedBy(stages.slice(0, 2))])
    expect(hashes).to.deep.equal(honest.map(() => truth))
    for (const stage of honest) {
      // It has failed once, and fails again: then they are tried in every other round.
      noteFailed(stage.step(), round + 1)
      const at = (later: number) => maySlice({ context: stage.context, snapshot: { ...stage.snapshot, round: later } })
      expect([at(2 * round + 1), at(2 * round + 2)]).to.deep.equal([false, true])
    }
  })

  it('C1: a member that drew other duties, of another seed, is not taken for the checker of what it never looked at', async () => {
    const cids = await revealToAll(stages, { 2: forge })
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 1.5 })
    const stage = stages[checkerOf(stages, 2)]!
    // The block of the last reveal was another one when it looked, or its endpoint says so.
    const last = stage.facts.findLast(({ name }) => name === 'UpdateRevealed')!
    const subject = (): number | undefined => dutiesAfter([stage]).checks.get(stage.step().seat)
    for (let nonce = 1; subject() === seatOfIndex(2); nonce++) {
      Object.assign(last, { blockHash: `0x${nonce.toString(16).padStart(64, '0')}` })
    }
    const garbage = await hashOf(stages, cids)
    const honest = stages.filter((_, member) => member !== 2)
    const [hashes] = await Promise.all([attestedBy(honest), attestedBy([stages[2]!])])
    expect(hashes.filter((_, at) => honest[at] !== stage)).not.to.include(garbage)
  })

  for (const [why, meet] of [
    [
      'are ignored',
      (stage: SliceStage, seats: readonly number[]) => ignore(stage.step(), { round, message: 'update' }, seats),
    ],
    ['say nothing', () => undefined],
  ] as const) {
    it(`C2: two members of a slice that ${why} cost the others that slice and two updates, not all of them`, async () => {
      const cids = await revealToAll(stages)
      for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 6 })
      const out = dutiesAfter(stages).members[0]!.slice(0, 2).map(memberOf)
      const rest = stages.filter((_, member) => !out.includes(member))
      for (const stage of rest) meet(stage, out.map(seatOfIndex))
      for (const member of out) stages[member]!.speaks = () => null
      const truth = await hashOf(stages, cids)
      const [hashes] = await Promise.all([attestedBy(rest), attestedBy(out.map((member) => stages[member]!))])
      expect(hashes).to.deep.equal(rest.map(() => truth))
      for (const stage of rest) {
        const whole = cids.filter((cid, member) => stage.whole.includes(cid) && stages[member] !== stage)
        expect(whole.length).to.be.at.most(3)
      }
    })
  }

  it('C9: a sender that comes late to the member that checks it does not have that one add up everything', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 6 })
    const sender = 4
    const checker = checkerOf(stages, sender)
    const victim = stages[checker]!
    // Only once it has said that it lacks this update.
    let late = false
    victim.speaks = (note) => {
      late = note.lacks.includes(seatOfIndex(sender))
      return note
    }
    withhold(victim, cids[sender]!, () => late)
    const truth = await hashOf(stages, cids)
    expect(await attestedBy(stages)).to.deep.equal(stages.map(() => truth))
    // What it checks, what it lacks; the others looked at that, too.
    const whole = cids.filter((cid, member) => victim.whole.includes(cid) && member !== checker)
    expect(whole.length).to.be.at.most(2)
  })

  it('C10: a member has the update that it checks by one question to its sender, where bitswap brings nothing', async () => {
    const cids = await revealToAll(stages)
    const sender = 4
    const checker = stages[checkerOf(stages, sender)]!
    checker.blobs.delete(cids[sender]!)
    await attestedBy(stages)
    // Otherwise it would have said that it lacks this update, and each of the others would have looked at it.
    for (const stage of stages) {
      if (stage !== checker && stage !== stages[sender]) expect(stage.whole).not.to.include(cids[sender])
    }
  })

  it('C3: after a reorganisation that put another update in place, nobody stumbles over notes about the former one', async () => {
    const cids = await revealToAll(stages)
    const [liar, other] = dutiesAfter(stages).members[0]!.map(memberOf) as [number, number]
    lieAbout(stages, 0, [liar])
    await attestedBy(stages)
    const stage = stages[other]!
    const sender = MEMBERS.find((member) => member !== liar && member !== other)!
    stage.facts.splice(stage.facts.findIndex(({ args }) => args.seat === seatOfIndex(sender)), 1) // biome-ignore format: one line
    stage.blobs.delete(cids[sender]!)
    stage.reveal(sender, await stage.updateOf(sender, 101), 101)
    // Too late to add up together: what it has is the attempt about the former updates.
    stage.snapshot = { ...stage.snapshot, time: stage.snapshot.time + 20 }
    const sum = await sumOfRound(stage.step(), round, { without: 0n, slices: true })
    expect(sum?.included).to.equal(bitmapOf(MEMBERS.map(seatOfIndex)))
    // What the others said of the former updates was true.
    expect([...ignoredHere(stage.step())]).to.deep.equal([seatOfIndex(liar)])
  })
})
