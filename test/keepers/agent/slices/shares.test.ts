// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { judgeNotes } from '../../../../keepers/agent/slices/judge.ts'
import { sharesBySlices } from '../../../../keepers/agent/slices/shares.ts'
import { ignoredHere, silentHere } from '../../../../keepers/agent/slices/trust.ts'
import { bitmapOf, seatsOf } from '../../../../keepers/chain/seats.ts'
import { aggregate, combine, MemoryOnceGuard, partialDecrypt } from '../../../../keepers/fhe/index.ts'
import { cidFromHex, cidHex } from '../../../../keepers/network/cid.ts'
import { blobCid } from '../../../../keepers/network/index.ts'
import { ROUND } from '../../fhe/ceremony.ts'
import { cidOfBytes, seatOfIndex } from '../round-stage.ts'
import { dutiesAfter, MEMBERS, memberOf, revealToAll, type SliceStage, sliceStages } from '../slice-stage.ts'

const { round } = ROUND

describe('keepers that add up decryption shares by slices', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  const active = [0, 1, 2, 3]
  const all = bitmapOf(MEMBERS.map(seatOfIndex))
  let submitted: { seat: number; fact: ReturnType<SliceStage['tell']> }[][]
  beforeEach(async () => {
    stages = await sliceStages()
    const { engine } = stages[0]!.frame
    submitted = stages.map(() => [])
    for (const self of active) {
      const share = await partialDecrypt(engine, {
        context: ROUND,
        contributors: MEMBERS,
        activeSet: active,
        memberKey: stages[0]!.keys.memberKeys.get(self)!,
        guard: new MemoryOnceGuard(),
        policy: { minContributors: 2, ownUpdate: 'included' },
      })
      const cid = cidOfBytes(share)
      for (const [member, stage] of stages.entries()) {
        stage.blobs.set(cid, share)
        const seat = seatOfIndex(self)
        const fact = stage.tell('ShareSubmitted', { round, seat, cid: cidHex(cid), size: BigInt(share.length) })
        submitted[member]!.push({ seat, fact })
        stage.snapshot = {
          ...stage.snapshot,
          state: 'Vote',
          roundInfo: { ...stage.snapshot.roundInfo, attesters: all },
        }
      }
    }
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const together = (of: readonly SliceStage[]) =>
    Promise.all(of.map((stage) => sharesBySlices(stage.step(), stage.frame, round, submitted[stages.indexOf(stage)]!)))

  it('get the same sums, which decrypt', async () => {
    expect(seatsOf(all)).to.have.length(MEMBERS.length)
    await revealToAll(stages)
    const found = await together(stages)
    for (const sums of found) expect(sums).to.deep.equal(found[0])
    const { engine } = stages[0]!.frame
    const updates = await Promise.all(MEMBERS.map((member) => stages[member]!.updateOf(member)))
    const sum = await aggregate(engine, {
      context: ROUND,
      keyHash: stages[0]!.keys.keyHash,
      updates: updates.map((bytes, sender) => ({ sender, bytes })),
    })
    const { mean } = await combine(engine, {
      ...{ context: ROUND, aggregate: sum, activeSet: active },
      ...{ totalWeight: 100 * MEMBERS.length, shareSums: found[0]! },
    })
    expect(mean).to.have.length(stages[0]!.frame.plan.vectorLength)
    expect(stages.every((stage) => stage.whole.length <= 1)).to.equal(true)
  })

  it('do it without those that are left out', async () => {
    await revealToAll(stages)
    for (const stage of stages) stage.snapshot = { ...stage.snapshot, leftOut: bitmapOf([seatOfIndex(5)]) }
    const rest = stages.filter((_, member) => member !== 5)
    stages[5]!.gone = true
    for (const sums of await together(rest)) expect(sums).not.to.equal(null)
    const left = MEMBERS.filter((member) => member !== 5)
    expect(dutiesAfter(stages, 'ShareSubmitted', left).members.flat()).not.to.include(seatOfIndex(5))
    // It was neither asked nor waited for.
    for (const stage of rest) expect([...silentHere(stage.step())]).to.deep.equal([])
  })

  it('add that slice up themselves when one lies about it, and do not hear it any more', async () => {
    const lie = await blobCid(Uint8Array.of(1))
    const [[seat]] = dutiesAfter(stages, 'ShareSubmitted').members as [[number]]
    const liar = stages[memberOf(seat)]!
    liar.speaks = (note) => ({ ...note, sums: { ...note.sums, 0: lie } })
    const found = await together(stages)
    const honest = stages.filter((stage) => stage !== liar)
    for (const stage of honest) {
      expect(found[stages.indexOf(stage)]).to.deep.equal(found[stages.indexOf(honest[0]!)])
      expect(found[stages.indexOf(stage)]).not.to.equal(null)
      expect([...ignoredHere(stage.step())]).to.deep.equal([seat])
    }
  })

  it('know who lied about too many slices to add all of them up, once they have all shares', async () => {
    const lie = await blobCid(Uint8Array.of(1))
    const slices = dutiesAfter(stages, 'ShareSubmitted').members
    const liars = slices.map(([seat]) => seat!)
    for (const seat of liars) stages[memberOf(seat)]!.speaks = (note) => ({ ...note, sums: Object.fromEntries(Object.keys(note.sums).map((slice) => [slice, lie])) }) // biome-ignore format: one line
    const found = await together(stages)
    const bystander = stages.findIndex((_, member) => !slices.flat().includes(seatOfIndex(member)))
    const stage = stages[bystander]!
    expect(found[bystander]).to.equal(null)
    const sources = submitted[bystander]!.map(({ seat, fact }) => ({ seat, cid: cidFromHex(String(fact.args.cid)) }))
    await judgeNotes(stage.step(), stage.frame, { message: 'decryption share', round, sources, every: false })
    expect([...ignoredHere(stage.step())].sort()).to.deep.equal(liars.sort())
  })
})
