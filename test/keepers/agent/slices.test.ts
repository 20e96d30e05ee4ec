// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { dutiesOf } from '../../../keepers/agent/slices/duties.ts'
import { judgeNotes } from '../../../keepers/agent/slices/judge.ts'
import { agreedSums, type Note } from '../../../keepers/agent/slices/notes.ts'
import { sharesBySlices } from '../../../keepers/agent/slices/shares.ts'
import { ignoredHere, maySlice, noteSilence, silentHere } from '../../../keepers/agent/slices/trust.ts'
import { candidateOf } from '../../../keepers/agent/steps/candidate.ts'
import { drawSeed } from '../../../keepers/agent/steps/open-draft.ts'
import { bitmapOf, seatsOf } from '../../../keepers/chain/seats.ts'
import { aggregate, combine, MemoryOnceGuard, partialDecrypt, sliceCount } from '../../../keepers/fhe/index.ts'
import { cidFromHex, cidHex } from '../../../keepers/network/cid.ts'
import { blobCid } from '../../../keepers/network/index.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { cidOfBytes, SEED, seatOfIndex } from './round-stage.ts'
import { attestedBy, MEMBERS, revealToAll, type SliceStage, sliceStages, THRESHOLD } from './slice-stage.ts'
import { giveModel } from './whole-round.ts'

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

  it('are what this keeper added up itself, unless somebody contradicts it', () => {
    const own = new Map([['0', 'a']])
    const notes = (cid: string): Map<number, Note> => new Map([[1, says(cid)]])
    expect(agreedSums(members, notes('a'), new Set(), own)).to.deep.equal(['a'])
    expect(agreedSums(members, notes('b'), new Set(), own)).to.equal(null)
  })
})

describe('keepers that add up by slices', function () {
  this.timeout(180_000)
  let stages: SliceStage[]
  beforeEach(async () => {
    stages = await sliceStages()
  })
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const duties = (cids: number = MEMBERS.length) => {
    const last = stages[0]!.facts.filter(({ name }) => name === 'UpdateRevealed')[cids - 1]!
    const seed = drawSeed(stages[0]!.context.serviceAddress, round, last.blockHash)
    return dutiesOf(MEMBERS.map(seatOfIndex), sliceCount(stages[0]!.frame.plan), seed)
  }
  const memberOf = (seat: number): number => MEMBERS.find((member) => seatOfIndex(member) === seat)!
  /** The hash of the sum that anybody gets who adds up all of these updates. */
  const hashOf = async (cids: readonly string[]): Promise<string> => {
    const [{ blobs, frame, keys }] = stages as [SliceStage, ...SliceStage[]]
    const updates = cids.map((cid, sender) => ({ sender, bytes: blobs.get(cid)! }))
    const { hash } = await aggregate(frame.engine, { context: ROUND, keyHash: keys.keyHash, updates })
    return `0x${Buffer.from(hash).toString('hex')}`
  }
  const allEqual = (hashes: readonly (string | undefined)[], hash: string): void => {
    expect(hashes).to.deep.equal(hashes.map(() => hash))
  }
  /** The updates of others, without sums, that a keeper fetched whole. */
  const othersOf = (stage: SliceStage, cids: readonly string[]) =>
    cids.filter((cid, member) => stage.whole.includes(cid) && stages[member] !== stage)

  it('attest what each would by itself, and fetch one update whole', async () => {
    const cids = await revealToAll(stages)
    allEqual(await attestedBy(stages), await hashOf(cids))
    for (const [member, stage] of stages.entries()) {
      const checked = memberOf(duties().checks.get(seatOfIndex(member))!)
      expect(othersOf(stage, cids)).to.deep.equal([cids[checked]])
    }
  })

  it('do without a silent member after their patience, and check what it would have checked', async () => {
    const cids = await revealToAll(stages)
    const silent = memberOf(duties().members[0]![0]!)
    const unchecked = memberOf(duties().checks.get(seatOfIndex(silent))!)
    stages[silent]!.speaks = () => null
    for (const stage of stages) Object.assign(stage.context.config.network, { fetchSeconds: 6 })
    allEqual(await attestedBy(stages), await hashOf(cids))
    for (const [member, stage] of stages.entries()) {
      if (member === silent) continue
      const checked = memberOf(duties().checks.get(seatOfIndex(member))!)
      const expected = new Set([checked, unchecked].filter((other) => other !== member))
      expect(new Set(othersOf(stage, cids))).to.deep.equal(new Set([...expected].map((other) => cids[other])))
    }
  })

  it('fetch an update whole that its sender does not serve in parts', async () => {
    const cids = await revealToAll(stages)
    stages[6]!.wholeOnly = true
    // Sums of slices are served in parts alone: another has them, too.
    allEqual(await attestedBy(stages), await hashOf(cids))
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
    expect([...silentHere(stage.step())]).to.deep.equal([6, 5].map(seatOfIndex))
    const { epochInfo } = stage.snapshot
    expect([...silentHere(stage.step({ epochInfo: { ...epochInfo, epoch: epochInfo.epoch + 1 } }))]).to.deep.equal([])
  })

  it('add up by themselves when one lies about a slice, and do not hear it any more', async () => {
    const hash = await hashOf(await revealToAll(stages))
    const liar = memberOf(duties().members[1]![2]!)
    const lie = await blobCid(Uint8Array.of(1))
    stages[liar]!.speaks = (note) => ({ ...note, sums: { ...note.sums, 1: lie } })
    const honest = stages.filter((_, member) => member !== liar)
    await Promise.all([attestedBy(honest).then((hashes) => allEqual(hashes, hash)), attestedBy([stages[liar]!])])
    for (const stage of honest) expect([...ignoredHere(stage.step())]).to.deep.equal([seatOfIndex(liar)])
  })

  it('look at an update themselves that somebody says it lacks, and hear that member as before', async () => {
    const cids = await revealToAll(stages)
    const [accused] = duties().members[0]!
    const member = 3
    stages[member]!.speaks = (note) => ({ ...note, lacks: [accused!] })
    allEqual(await attestedBy(stages), await hashOf(cids))
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
    const [seat, other] = duties().members[0]!
    stages[memberOf(seat!)]!.speaks = ({ of }) => ({ of, sums: {}, lacks: [other!] })
    allEqual(await attestedBy(stages), await hashOf(cids))
    for (const stage of stages) expect(othersOf(stage, cids).length).to.be.at.most(2)
  })

  it('are deceived when all members of a slice lie alike, as the decision says', async () => {
    const hash = await hashOf(await revealToAll(stages))
    const colluders = duties().members[0]!.map(memberOf)
    let lie = ''
    for (const member of colluders) {
      const stage = stages[member]!
      stage.speaks = (note) => {
        // One less in one coefficient: within every bound.
        const sum = stage.blobs.get(note.sums[0]!)!.slice()
        sum[0]! -= 1
        lie = cidOfBytes(sum)
        stage.blobs.set(lie, sum)
        return { ...note, sums: { ...note.sums, 0: lie } }
      }
    }
    const others = stages.filter((_, member) => !colluders.includes(member))
    const [hashes] = await Promise.all([
      attestedBy(others),
      attestedBy(stages.filter((_, member) => colluders.includes(member))),
    ])
    for (const one of hashes) expect(one).not.to.equal(hash)
    // With one honest member among them they are not.
    expect(agreedSums([[1, 2, 3]], new Map([[1, note(lie)], [2, note(lie)], [3, note('true')]]), new Set())).to.equal(null) // biome-ignore format: short
  })
  const note = (cid: string): Note => ({ of: '', sums: { 0: cid }, lacks: [] })

  it('decrypt all the same when all members of a slice made garbage of it, for the shares do not depend on it', async () => {
    const cids = await revealToAll(stages)
    const colluders = duties().members[0]!.map(memberOf)
    for (const member of colluders) {
      const stage = stages[member]!
      stage.speaks = (note) => {
        const sum = stage.blobs.get(note.sums[0]!)!.slice()
        // Half of Q, added to one coefficient: beyond every bound.
        sum[stage.frame.plan.wire.width - 1]! ^= 0x80
        const lie = cidOfBytes(sum)
        stage.blobs.set(lie, sum)
        return { ...note, sums: { ...note.sums, 0: lie } }
      }
    }
    const honest = MEMBERS.find((member) => !colluders.includes(member))!
    const voter = stages[honest]!
    const hashes = await attestedBy(stages)
    expect(hashes[honest]).not.to.equal(await hashOf(cids))
    const all = bitmapOf(MEMBERS.map(seatOfIndex))
    const active = MEMBERS.slice(0, THRESHOLD)
    const drafted = bitmapOf(active.map(seatOfIndex))
    voter.tell('MembersDrafted', { round, aggregateHash: hashes[honest], included: all, drafted, convicted: 0n })
    for (const self of active) {
      const share = await partialDecrypt(voter.frame.engine, {
        ...{ context: ROUND, contributors: MEMBERS, activeSet: active, guard: new MemoryOnceGuard() },
        memberKey: voter.keys.memberKeys.get(self)!,
        policy: { minContributors: 2, ownUpdate: 'included' },
      })
      const cid = cidOfBytes(share)
      voter.blobs.set(cid, share)
      voter.tell('ShareSubmitted', { round, seat: seatOfIndex(self), cid: cidHex(cid), size: BigInt(share.length) })
    }
    for (const [cid, bytes] of stages.flatMap(({ blobs }) => [...blobs])) voter.blobs.set(cid, bytes)
    Object.assign(voter.context.manifest, { vote: { metric: 'accuracy', tolerance: 1 } })
    const { vectorLength, precision } = voter.frame.plan
    const kept = giveModel(voter, { weights: new Float32Array(vectorLength), moments: [] })
    // In the state before Vote nobody adds up shares together: this keeper does that by itself.
    await candidateOf(voter.step({ state: 'Training' }), round)
    const { mean } = await combine(voter.frame.engine, {
      context: ROUND,
      aggregate: await aggregate(voter.frame.engine, {
        context: ROUND,
        keyHash: voter.keys.keyHash,
        updates: cids.map((cid, sender) => ({ sender, bytes: voter.blobs.get(cid)! })),
      }),
      activeSet: active,
      shares: active.map((self) => {
        const { args } = voter.facts.find(
          ({ name, args }) => name === 'ShareSubmitted' && args.seat === seatOfIndex(self),
        )!
        return voter.blobs.get(cidFromHex(String(args.cid)))!
      }),
      totalWeight: 100 * MEMBERS.length,
    })
    for (const [i, value] of mean.entries()) expect(kept.next!.weights[i]).to.be.closeTo(value, precision.meanError)
    expect([...ignoredHere(voter.step())].sort((a, b) => a - b)).to.deep.equal(
      colluders.map(seatOfIndex).sort((a, b) => a - b),
    )
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

  describe('with decryption shares', () => {
    const active = [0, 1, 2, 3]
    const all = bitmapOf(MEMBERS.map(seatOfIndex))
    let submitted: { seat: number; fact: ReturnType<SliceStage['tell']> }[][]
    beforeEach(async () => {
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
    const together = (of: readonly SliceStage[]) =>
      Promise.all(
        of.map((stage) => sharesBySlices(stage.step(), stage.frame, round, submitted[stages.indexOf(stage)]!)),
      )

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

    const dutiesOfShares = (members: readonly number[] = MEMBERS) => {
      const last = stages[0]!.facts.findLast(({ name }) => name === 'ShareSubmitted')!
      const seed = drawSeed(stages[0]!.context.serviceAddress, round, last.blockHash)
      return dutiesOf(members.map(seatOfIndex), sliceCount(stages[0]!.frame.plan), seed)
    }

    it('combine by themselves once somebody votes for another model, whatever all members of a slice said', async () => {
      const cids = await revealToAll(stages)
      const colluders = dutiesOfShares().members[0]!.map(memberOf)
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
      const [voter, other] = stages.filter((_, member) => !colluders.includes(member)) as [SliceStage, SliceStage]
      const drafted = bitmapOf(active.map(seatOfIndex))
      const aggregateHash = await hashOf(cids)
      for (const stage of [voter, other]) {
        stage.tell('MembersDrafted', { round, aggregateHash, included: all, drafted, convicted: 0n })
        Object.assign(stage.context.manifest, { vote: { metric: 'accuracy', tolerance: 1 } })
        giveModel(stage, { weights: new Float32Array(stage.frame.plan.vectorLength), moments: [] })
      }
      voter.tell('ModelVoted', { round, seat: seatOfIndex(0), modelCommitment: `0x${'02'.repeat(32)}`, candidate: 0 })
      const rest = stages.filter((stage) => ![voter, other].includes(stage))
      await Promise.all([...[voter, other].map((stage) => candidateOf(stage.step(), round)), together(rest)])
      const sorted = (seats: Iterable<number>) => [...seats].sort((a, b) => a - b)
      expect(sorted(ignoredHere(voter.step()))).to.deep.equal(sorted(colluders.map(seatOfIndex)))
      // Nobody told this one of another model.
      expect([...ignoredHere(other.step())]).to.deep.equal([])
    })

    it('do it without those that are left out', async () => {
      await revealToAll(stages)
      for (const stage of stages) stage.snapshot = { ...stage.snapshot, leftOut: bitmapOf([seatOfIndex(5)]) }
      const rest = stages.filter((_, member) => member !== 5)
      stages[5]!.gone = true
      for (const sums of await together(rest)) expect(sums).not.to.equal(null)
      expect(dutiesOfShares(MEMBERS.filter((member) => member !== 5)).members.flat()).not.to.include(seatOfIndex(5))
      // It was neither asked nor waited for.
      for (const stage of rest) expect([...silentHere(stage.step())]).to.deep.equal([])
    })

    it('combine by themselves when one lies, and do not hear it any more', async () => {
      const lie = await blobCid(Uint8Array.of(1))
      const [[seat]] = dutiesOfShares().members as [[number]]
      const liar = stages[memberOf(seat)]!
      liar.speaks = (note) => ({ ...note, sums: { ...note.sums, 0: lie } })
      const found = await together(stages)
      for (const [member, sums] of found.entries()) {
        if (stages[member] === liar) continue
        expect(sums).to.equal(null)
        const stage = stages[member]!
        await judgeNotes(stage.step(), stage.frame, { message: 'decryption share', round })
        expect([...ignoredHere(stage.step())]).to.deep.equal([seat])
      }
    })
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
