// SPDX-License-Identifier: GPL-3.0-or-later
// What members that deviate can do to sums by slices. Each case states what must hold.
import { expect } from 'chai'
import { aggregate as aggregateBehaviour } from '../../../../keepers/agent/behaviours/aggregate.ts'
import { dutiesOf } from '../../../../keepers/agent/slices/duties.ts'
import { ignoredHere, maySlice } from '../../../../keepers/agent/slices/trust.ts'
import { lastAttested } from '../../../../keepers/agent/steps/attestation.ts'
import { candidateOf } from '../../../../keepers/agent/steps/candidate.ts'
import { drawSeed } from '../../../../keepers/agent/steps/open-draft.ts'
import { sumOfRound } from '../../../../keepers/agent/steps/sum.ts'
import { bitmapOf, systemClock } from '../../../../keepers/chain/index.ts'
import { aggregate, sliceCount } from '../../../../keepers/fhe/index.ts'
import { NetworkError } from '../../../../keepers/network/index.ts'
import { forge } from '../../../../scripts/demo/tamper.ts'
import { ROUND } from '../../fhe/ceremony.ts'
import { cidOfBytes, seatOfIndex } from '../round-stage.ts'
import { attestedBy, MEMBERS, revealToAll, type SliceStage, sliceStages } from '../slice-stage.ts'

const { round } = ROUND
type Plane = {
  fetch: (cid: string, options: { timeout: number; maxBytes: number }) => Promise<Uint8Array>
  parts: {
    ask: (name: string, options: { provider: string; signal: AbortSignal }) => Promise<Uint8Array | null>
    fetch: (cid: string, range: object, options: { provider: string; timeout: number }) => Promise<unknown>
  }
}
const planeOf = (stage: SliceStage): Plane => stage.context.plane as unknown as Plane

describe('attacks on sums by slices', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  beforeEach(async () => {
    stages = await sliceStages()
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const memberOf = (seat: number): number => MEMBERS.find((member) => seatOfIndex(member) === seat)!
  const duties = () => {
    const last = stages[0]!.facts.findLast(({ name }) => name === 'UpdateRevealed')!
    const seed = drawSeed(stages[0]!.context.serviceAddress, round, last.blockHash)
    return dutiesOf(MEMBERS.map(seatOfIndex), sliceCount(stages[0]!.frame.plan), seed)
  }
  const checkerOf = (member: number): number =>
    memberOf([...duties().checks].find(([, checked]) => checked === seatOfIndex(member))![0])
  const hashOf = async (cids: readonly string[]): Promise<string> => {
    const [{ blobs, frame, keys }] = stages as [SliceStage]
    const updates = cids.map((cid, sender) => ({ sender, bytes: blobs.get(cid)! }))
    const { hash } = await aggregate(frame.engine, { context: ROUND, keyHash: keys.keyHash, updates })
    return `0x${Buffer.from(hash).toString('hex')}`
  }
  /** Nobody but its sender gives `reader` the blob before `open()` holds; the sender does not either. */
  const withhold = (reader: SliceStage, cid: string, open: () => boolean = () => false): void => {
    const plane = planeOf(reader)
    const { fetch } = plane
    const part = plane.parts.fetch
    plane.fetch = async (of, options) => {
      if (of !== cid || open()) return fetch.call(plane, of, options)
      await systemClock.sleep(options.timeout)
      throw new NetworkError('TIMEOUT', `${cid}: withheld`)
    }
    plane.parts.fetch = async (of, range, options) => {
      if (of !== cid || open()) return part.call(plane.parts, of, range, options)
      await systemClock.sleep(options.timeout)
      throw new NetworkError('TIMEOUT', `${cid}: withheld`)
    }
  }
  /** All of slice 0 say alike what is not so. */
  const lieAboutSlice0 = (colluders = duties().members[0]!.map(memberOf)): number[] => {
    for (const member of colluders) {
      const stage = stages[member]!
      stage.speaks = (note) => {
        const sum = stage.blobs.get(note.sums[0]!)!.slice()
        sum[0]! -= 1
        const lie = cidOfBytes(sum)
        stage.blobs.set(lie, sum)
        return { ...note, sums: { ...note.sums, 0: lie } }
      }
    }
    return colluders
  }

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
    const checker = checkerOf(2)
    // The sender of the garbage keeps its whole update from the one member that would check it. Nobody helps it.
    const { fetch } = planeOf(stages[checker]!)
    planeOf(stages[checker]!).fetch = async (of, options) => {
      if (of !== cids[2]) return fetch.call(planeOf(stages[checker]!), of, options)
      await systemClock.sleep(options.timeout)
      throw new NetworkError('TIMEOUT', 'withheld')
    }
    const garbage = await hashOf(cids)
    const others = stages.filter((_, member) => member !== checker && member !== 2)
    const slow = systemClock.sleep(300).then(() => attestedBy([stages[checker]!]))
    const [hashes] = await Promise.all([attestedBy(others), attestedBy([stages[2]!]), slow])
    expect(hashes).not.to.include(garbage)
  })

  it('A3: a sender that keeps its update from one honest member has nobody stop listening to that member', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 1.5 })
    const sender = 6
    const victim = memberOf(duties().members[0]!.find((seat) => seat !== seatOfIndex(sender))!)
    let over = false
    withhold(stages[victim]!, cids[sender]!, () => over)
    const others = stages.filter((_, member) => member !== sender && member !== victim)
    const all = Promise.all([attestedBy(others), attestedBy([stages[sender]!]), attestedBy([stages[victim]!])])
    await systemClock.sleep(1_600)
    over = true
    await all
    for (const stage of others) expect([...ignoredHere(stage.step())]).not.to.include(seatOfIndex(victim))
  })

  it('A3e: a message kept from one member of a slice does not have the other two believed', async () => {
    const cids = await revealToAll(stages)
    const [kept, ...liars] = duties().members[0]!
    const sender = MEMBERS.map(seatOfIndex).find((seat) => !duties().members[0]!.includes(seat))!
    stages[memberOf(kept!)]!.speaks = ({ of }) => ({ of, sums: {}, lacks: [sender] })
    lieAboutSlice0(liars.map(memberOf))
    const others = stages.filter((_, member) => !liars.map(memberOf).includes(member))
    const [hashes] = await Promise.all([attestedBy(others), attestedBy(liars.map((seat) => stages[memberOf(seat)]!))])
    const truth = await hashOf(cids)
    expect(hashes).to.deep.equal(others.map(() => truth))
    const heard = others.filter((stage) => stage !== stages[memberOf(kept!)])
    for (const stage of heard) expect([...ignoredHere(stage.step())]).to.have.members(liars)
  })

  it('A4: a sender, its checker and an ambiguous note do not split the sum round after round', async () => {
    const cids = await revealToAll(stages)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 3 })
    const sender = 2
    const checker = checkerOf(sender)
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
        return Buffer.from(
          JSON.stringify({ ...JSON.parse(Buffer.from(note).toString()), lacks: [seatOfIndex(sender)] }),
        )
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

  it('A5: a keeper that was deceived works the drafted sum out by itself, and votes', async () => {
    const cids = await revealToAll(stages)
    const truth = await hashOf(cids)
    const colluders = lieAboutSlice0()
    await attestedBy(stages)
    const victim = stages.find((_, member) => !colluders.includes(member))!
    expect(lastAttested(victim.step())?.hash).not.to.equal(truth)
    // The colluders told the rest the truth: the draft is of the true sum.
    const all = bitmapOf(MEMBERS.map(seatOfIndex))
    const drafted = bitmapOf(MEMBERS.slice(0, 4).map(seatOfIndex))
    victim.tell('MembersDrafted', { round, aggregateHash: truth, included: all, drafted, convicted: 0n })
    const events: string[] = []
    Object.assign(victim.context, {
      log: new Proxy({}, { get: () => (details: { event: string }) => events.push(details.event) }),
    })
    await candidateOf(victim.step({ state: 'Vote' }), round)
    expect(events).not.to.include('sum differs')
  })

  it('A6: after a dispute nobody attests what it took from others before it', async () => {
    const cids = await revealToAll(stages)
    const colluders = lieAboutSlice0()
    await attestedBy(stages)
    const victim = stages.find((_, member) => !colluders.includes(member))!
    const sum = await sumOfRound(victim.step(), round, { without: 0n, slices: false })
    expect(sum?.hash).to.equal(await hashOf(cids))
  })
})
