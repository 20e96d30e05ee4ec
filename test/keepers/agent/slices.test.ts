// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { dutiesOf } from '../../../keepers/agent/slices/duties.ts'
import type { Note } from '../../../keepers/agent/slices/note-format.ts'
import { agreedSums } from '../../../keepers/agent/slices/notes.ts'
import { sharesBySlices } from '../../../keepers/agent/slices/shares.ts'
import { ignoredHere, maySlice, noteSilence, silentHere } from '../../../keepers/agent/slices/trust.ts'
import { sumOfRound } from '../../../keepers/agent/steps/sum.ts'
import { sliceCuts } from '../../../keepers/fhe/index.ts'
import { blobCid } from '../../../keepers/network/index.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { roundStage, SEED, seatOfIndex } from './round-stage.ts'
import {
  attestedBy,
  dutiesAfter,
  hashOf,
  MEMBERS,
  memberOf,
  revealToAll,
  type SliceStage,
  sliceStages,
} from './slice-stage.ts'

const { round } = ROUND

describe('duties for slices', () => {
  it('give every slice three different members, and every member the update of another to check', () => {
    for (const seats of [[1, 2], MEMBERS, Array.from({ length: 48 }, (_, seat) => 3 * seat)]) {
      const slices = Math.max(2, Math.floor(seats.length / 3))
      const { members, checks } = dutiesOf(seats, slices, SEED)
      expect(members).to.have.length(slices)
      for (const of of members) expect(new Set(of).size).to.equal(Math.min(3, seats.length))
      const loads = seats.map((seat) => members.filter((of) => of.includes(seat)).length)
      expect(Math.max(...loads) - Math.min(...loads)).to.be.at.most(1)
      expect([...checks.keys()].sort((a, b) => a - b)).to.deep.equal(seats)
      expect([...checks.values()].sort((a, b) => a - b)).to.deep.equal(seats)
      for (const [seat, checked] of checks) expect(checked).not.to.equal(seat)
    }
  })

  it('depend on the seed and on nothing else', () => {
    const other = `0x${'5f'.repeat(32)}`
    expect(dutiesOf([...MEMBERS].reverse(), 2, SEED)).to.deep.equal(dutiesOf(MEMBERS, 2, SEED))
    expect(dutiesOf(MEMBERS, 2, other)).not.to.deep.equal(dutiesOf(MEMBERS, 2, SEED))
  })
})

describe('sums that members agree on', () => {
  const members = [[1, 2, 3]]
  const says = (cid: string): Note => ({ of: 'x', sums: { 0: cid }, lacks: [] })
  const agreed = (notes: [number, Note][], ignored: number[] = []) =>
    agreedSums(members, new Map(notes), new Set(ignored))

  it('need two equal answers, and none that differs', () => {
    expect(agreed([[1, says('a')], [2, says('a')], [3, says('a')]])).to.deep.equal(['a']) // biome-ignore format: short
    expect(agreed([[1, says('a')], [2, says('a')]])).to.deep.equal(['a']) // biome-ignore format: short
    expect(agreed([[1, says('a')]])).to.equal(null)
    expect(agreed([[1, says('a')], [2, says('a')], [3, says('b')]])).to.equal(null) // biome-ignore format: short
  })

  it('are those of members that are heard, and of their own slices', () => {
    expect(agreed([[1, says('a')], [2, says('a')], [3, says('b')]], [3])).to.deep.equal(['a']) // biome-ignore format: short
    expect(agreed([[1, says('a')], [2, says('a')]], [2])).to.equal(null) // biome-ignore format: short
    expect(agreed([[1, says('a')], [4, says('a')]])).to.equal(null) // biome-ignore format: short
  })

  it('are what this keeper added up itself, whoever contradicts it', () => {
    const own = new Map([['0', 'a']])
    for (const cid of ['a', 'b']) {
      expect(agreedSums(members, new Map([[1, says(cid)], [2, says(cid)]]), new Set(), own)).to.deep.equal(['a']) // biome-ignore format: one line
    }
  })
})

describe('keepers that add up by slices', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  beforeEach(async () => {
    stages = await sliceStages()
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const allEqual = (hashes: readonly (string | undefined)[], hash: string): void => {
    expect(hashes).to.deep.equal(hashes.map(() => hash))
  }
  /** The updates of others, without sums, that a keeper fetched whole. */
  const othersOf = (stage: SliceStage, cids: readonly string[]) =>
    cids.filter((cid, member) => stage.whole.includes(cid) && stages[member] !== stage)

  it('attest what each would by itself, and fetch one update whole', async () => {
    const cids = await revealToAll(stages)
    allEqual(await attestedBy(stages), await hashOf(stages, cids))
    for (const [member, stage] of stages.entries()) {
      const checked = memberOf(dutiesAfter(stages).checks.get(seatOfIndex(member))!)
      expect(othersOf(stage, cids)).to.deep.equal([cids[checked]])
    }
  })

  it('do without a silent member after their patience, and check what it would have checked', async () => {
    const cids = await revealToAll(stages)
    const silent = memberOf(dutiesAfter(stages).members[0]![0]!)
    const unchecked = memberOf(dutiesAfter(stages).checks.get(seatOfIndex(silent))!)
    stages[silent]!.speaks = () => null
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 6 })
    allEqual(await attestedBy(stages), await hashOf(stages, cids))
    for (const [member, stage] of stages.entries()) {
      if (member === silent) continue
      const checked = memberOf(dutiesAfter(stages).checks.get(seatOfIndex(member))!)
      const expected = new Set([checked, unchecked].filter((other) => other !== member))
      expect(new Set(othersOf(stage, cids))).to.deep.equal(new Set([...expected].map((other) => cids[other])))
    }
  })

  it('fetch an update whole that its sender does not serve in parts', async () => {
    const cids = await revealToAll(stages)
    stages[6]!.wholeOnly = true
    // Sums of slices are served in parts alone: another has them, too.
    allEqual(await attestedBy(stages), await hashOf(stages, cids))
    for (const stage of stages.slice(0, 6)) {
      const others = othersOf(stage, cids)
      expect(others.length).to.be.within(1, 2)
      if (others.length === 2) expect(others).to.include(cids[6])
    }
  })

  it('wait no more for one that has said nothing twice', async () => {
    await revealToAll(stages)
    const [stage] = stages as [SliceStage]
    const asked = MEMBERS.map(seatOfIndex)
    const spoke = (...members: number[]) => new Map(members.map((member) => [seatOfIndex(member), true]))
    noteSilence(stage.step(), asked, spoke(0, 1, 2, 3, 4))
    noteSilence(stage.step(), asked, spoke(0, 1, 2, 3, 5))
    expect([...silentHere(stage.step())]).to.deep.equal([seatOfIndex(6)])
    noteSilence(stage.step(), asked, spoke(0, 1, 2, 3, 4))
    expect([...silentHere(stage.step())]).to.deep.equal([seatOfIndex(6)])
    noteSilence(stage.step(), asked, spoke(0, 1, 2, 3, 4))
    expect([...silentHere(stage.step())]).to.have.members([6, 5].map(seatOfIndex))
    const { epochInfo } = stage.snapshot
    expect([...silentHere(stage.step({ epochInfo: { ...epochInfo, epoch: epochInfo.epoch + 1 } }))]).to.deep.equal([])
  })

  it('add that slice up themselves when one lies about it, and do not hear it any more', async () => {
    const cids = await revealToAll(stages)
    const hash = await hashOf(stages, cids)
    const liar = memberOf(dutiesAfter(stages).members[1]![2]!)
    const lie = await blobCid(Uint8Array.of(1))
    stages[liar]!.speaks = (note) => ({ ...note, sums: { ...note.sums, 1: lie } })
    const honest = stages.filter((_, member) => member !== liar)
    await Promise.all([attestedBy(honest).then((hashes) => allEqual(hashes, hash)), attestedBy([stages[liar]!])])
    for (const stage of honest) {
      expect([...ignoredHere(stage.step())]).to.deep.equal([seatOfIndex(liar)])
      // Nothing else of the others' updates was fetched: one is checked.
      expect(othersOf(stage, cids)).to.have.length(1)
    }
  })

  it('look at an update themselves that somebody says it lacks, and hear that member as before', async () => {
    const cids = await revealToAll(stages)
    const [accused] = dutiesAfter(stages).members[0]!
    const member = 3
    stages[member]!.speaks = (note) => ({ ...note, lacks: [accused!] })
    allEqual(await attestedBy(stages), await hashOf(stages, cids))
    for (const stage of stages) {
      expect(othersOf(stage, cids).length).to.be.at.most(2)
      if (![stages[member], stages[memberOf(accused!)]].includes(stage)) {
        expect(othersOf(stage, cids)).to.include(cids[memberOf(accused!)])
      }
      expect([...ignoredHere(stage.step())]).to.deep.equal([])
    }
  })

  it('add a slice up themselves that one of its members could not', async () => {
    const cids = await revealToAll(stages)
    const [seat, other] = dutiesAfter(stages).members[0]!
    stages[memberOf(seat!)]!.speaks = ({ of }) => ({ of, sums: {}, lacks: [other!] })
    allEqual(await attestedBy(stages), await hashOf(stages, cids))
    for (const stage of stages) expect(othersOf(stage, cids).length).to.be.at.most(2)
  })

  it('find an update that is not under the secret that was dealt, by the member that checks it, and dispute it', async () => {
    await revealToAll(stages, { 2: forge })
    const honest = stages.filter((_, member) => member !== 2)
    await Promise.all([attestedBy(honest), attestedBy([stages[2]!])])
    for (const stage of honest) {
      expect(stage.sent.map(({ method, args }) => [method, ...args])).to.deep.equal([
        ['dispute', BigInt(round), BigInt(seatOfIndex(2))],
      ])
    }
  })

  it('leave out an update that nobody serves, as keepers by themselves do', async () => {
    const cids = await revealToAll(stages)
    stages[4]!.gone = true
    for (const stage of stages) stage.blobs.delete(cids[4]!)
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 4 })
    const rest = stages.filter((_, member) => member !== 4)
    const late = { time: stages[0]!.snapshot.time + 41 }
    await attestedBy(rest)
    for (const stage of rest) expect(stage.sent).to.deep.equal([])
    for (const stage of rest) stage.snapshot = { ...stage.snapshot, ...late }
    const hashes = await attestedBy(rest)
    allEqual(hashes, hashes[0]!)
    expect(hashes[0]).to.be.a('string')
  })

  it('add up by themselves for 4, then 8 rounds after a lost vote', () => {
    const [stage] = stages as [SliceStage]
    const may = (at: number): boolean =>
      maySlice({ context: stage.context, snapshot: { ...stage.snapshot, round: at } })
    expect(may(7)).to.equal(true)
    stage.tell('UpdateIncomplete', { round: 7 })
    expect([8, 11, 12].map(may)).to.deep.equal([false, false, true])
    stage.facts.splice(0)
    stage.tell('UpdateIncomplete', { round: 12 })
    expect([13, 20, 21].map(may)).to.deep.equal([false, false, true])
    stage.facts.splice(0)
    expect([20, 21].map(may)).to.deep.equal([false, true])
  })
})

describe('keepers of a service of five members', () => {
  it('do not add up by slices: they cut nothing, ask nobody and tell nothing', async () => {
    const stage = await roundStage({ members: 5, threshold: 3, self: 0 })
    try {
      // A data plane without notes and parts: whoever touches them fails.
      Object.assign(stage.context.config.network, { slices: true })
      for (let member = 0; member < 5; member++) stage.reveal(member, await stage.updateOf(member))
      const sum = await sumOfRound(stage.step(), round, { slices: true })
      expect([sum?.sliced, sum?.included]).to.deep.equal([false, stage.snapshot.epochInfo.members])
      expect(await sharesBySlices(stage.step({ state: 'Vote' }), stage.frame, round, [])).to.equal(null)
      for (const message of ['update', 'decryption share'] as const) {
        expect(sliceCuts(stage.frame.plan, message)).to.deep.equal([])
      }
    } finally {
      await stage.close()
    }
  })
})
