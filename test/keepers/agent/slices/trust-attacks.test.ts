// SPDX-License-Identifier: GPL-3.0-or-later
// What notes and silences of members that deviate can do, without keys and blobs.
import { expect } from 'chai'
import type { Step } from '../../../../keepers/agent/context.ts'
import type { Note } from '../../../../keepers/agent/slices/note-format.ts'
import { agreedSums, doubtedIn, noteOf, openSlices, refutedBy } from '../../../../keepers/agent/slices/notes.ts'
import {
  ignore,
  ignoredHere,
  maySlice,
  noteFailed,
  noteSilence,
  silentHere,
} from '../../../../keepers/agent/slices/trust.ts'
import { steady, systemClock } from '../../../../keepers/chain/index.ts'
import { factsOf } from '../round-stage.ts'

const epochInfo = { epoch: 1, crsSeed: `0x${'5e'.repeat(32)}` }

function stepOf(
  facts: Parameters<typeof factsOf>[0] = [],
  round = 7,
  records = new Map<string, unknown>(),
): Step & { readonly seat: number } {
  const store = {
    getRecord: (name: string) => records.get(name) ?? null,
    putRecord: (name: string, record: unknown) => records.set(name, record),
  }
  const context = {
    store,
    facts: factsOf(facts),
    clock: systemClock,
    log: { warn: () => undefined },
    metrics: { bytesFetched: { inc: () => undefined } },
  }
  const signal = new AbortController().signal
  return { context, snapshot: { epoch: 1, round, epochInfo }, seat: 0, signal } as unknown as Step & { seat: number }
}

describe('attacks on trust in slices', () => {
  const says = (cid: string): Note => ({ of: 'x', sums: { 0: cid }, lacks: [] })
  const lateTwice = (seat: number): Step => {
    const step = stepOf()
    const spoke = new Map([1, 2, 3, 4].filter((other) => other !== seat).map((other) => [other, true]))
    noteSilence(step, [1, 2, 3, 4], spoke)
    noteSilence(step, [1, 2, 3, 4], spoke)
    return step
  }

  it('A3b: two liars do not win because the third, honest one was late twice', () => {
    const notes = new Map([1, 2, 3].map((seat) => [seat, says(seat === 3 ? 'true' : 'lie')]))
    expect(agreedSums([[1, 2, 3]], notes, ignoredHere(lateTwice(3)))).to.equal(null)
  })

  it('A3c: the alarm of a checker that was late twice is not lost', () => {
    const notes = new Map<number, Note>([1, 2, 3].map((seat) => [seat, says('a')]))
    notes.set(4, { of: 'x', sums: {}, lacks: [2] })
    expect([...ignoredHere(lateTwice(4))]).to.deep.equal([])
    const sources = [1, 2, 3, 4].map((seat) => ({ seat }))
    const checks = new Map([[1, 2], [2, 3], [3, 4], [4, 1]]) // biome-ignore format: short
    expect(doubtedIn({ sources }, { checks }, notes)).to.deep.equal([2])
  })

  it('A2: an update is doubted when the member that checks it was not heard', () => {
    const notes = new Map<number, Note>([1, 2, 3].map((seat) => [seat, says('a')]))
    const sources = [1, 2, 3, 4].map((seat) => ({ seat }))
    const checks = new Map([[1, 2], [2, 3], [3, 4], [4, 1]]) // biome-ignore format: short
    expect(doubtedIn({ sources }, { checks }, notes)).to.deep.equal([1])
  })

  it('A3d: two liars do not win because a sender kept its update from the third, honest one', () => {
    const notes = new Map([1, 2].map((seat) => [seat, says('lie')]))
    notes.set(3, { of: 'x', sums: {}, lacks: [2] })
    const open = openSlices([[1, 2, 3]], notes, new Map())
    expect(open).to.deep.equal([0])
    // What the keeper then adds up itself.
    const own = new Map([['0', 'true']])
    expect(agreedSums([[1, 2, 3]], notes, new Set(), own)).to.deep.equal(['true'])
    expect(refutedBy(own, [[1, 2, 3]], notes)).to.deep.equal([1, 2])
  })

  it('A4b: a round that was lost in Aggregate counts, as a lost vote does', () => {
    // Aggregate → Training by NO_MAJORITY. The round is the next one's.
    const args = { from: 7, to: 5, trigger: 4, epoch: 1, round: 7, deadline: 9_999 }
    const step = stepOf([{ name: 'Transitioned', block: 100, blockHash: '0x', args }])
    expect(maySlice(step)).to.equal(false)
  })

  it('A9: attempts that are made to fail whenever one is made cost the logarithm of the epoch’s rounds', () => {
    const records = new Map<string, unknown>()
    const tried: number[] = []
    for (let round = 1; round <= 60; round++) {
      const step = stepOf([], round, records)
      if (!maySlice(step)) continue
      tried.push(round)
      // Once for updates, once for shares.
      for (const _ of [1, 2]) noteFailed(step, round)
    }
    expect(tried).to.deep.equal([1, 2, 4, 8, 16, 32])
    // Shares of a round are still added up together after its updates were not.
    const step = stepOf([], 33, records)
    noteFailed(step, 33)
    expect(maySlice(step)).to.equal(true)
  })

  it('C4: a keeper that starts again hears the liars of the epoch no more than before, and waits for nobody that let it wait', () => {
    const records = new Map<string, unknown>()
    const before = stepOf([], 7, records)
    ignore(before, { round: 7, message: 'update' }, [3])
    for (const _ of [1, 2]) noteSilence(before, [1, 2], new Set([1]))
    const again = stepOf([], 8, records)
    expect([[...ignoredHere(again)], [...silentHere(again)]]).to.deep.equal([[3], [2]])
    const { snapshot } = again
    const next = { ...again, snapshot: { ...snapshot, epochInfo: { ...snapshot.epochInfo, epoch: 2 } } }
    expect([[...ignoredHere(next)], [...silentHere(next)]]).to.deep.equal([[], []])
  })

  it('C5: a member that fell silent is waited for again after it has spoken 4 times in a row, then 8 times', () => {
    const step = stepOf()
    const sums = (count: number, spoke: readonly number[]): boolean => {
      for (let i = 0; i < count; i++) noteSilence(step, [1], new Set(spoke))
      return silentHere(step).has(1)
    }
    expect(sums(1, [])).to.equal(false)
    expect(sums(1, [])).to.equal(true)
    expect([sums(3, [1]), sums(1, []), sums(3, [1]), sums(1, [1])]).to.deep.equal([true, true, true, false])
    expect([sums(2, []), sums(7, [1]), sums(1, [1])]).to.deep.equal([true, true, false])
  })

  it('C6: of sums that one member did not hand over, and of liars, no slice is believed on one word', () => {
    const notes = new Map([1, 2].map((seat) => [seat, says('lie')]))
    notes.delete(2)
    expect(openSlices([[1, 2, 3]], notes, new Map())).to.deep.equal([0])
    expect(agreedSums([[1, 2, 3]], notes, new Set(), new Map([['0', 'true']]))).to.deep.equal(['true'])
    expect(agreedSums([[1, 2, 3]], notes, new Set())).to.equal(null)
  })

  it('A8: a peer that answers with nothing is not asked again without a pause', async () => {
    const step = stepOf()
    let asked = 0
    const ask = async (): Promise<null> => {
      asked += 1
      await new Promise((resolve) => setImmediate(resolve))
      return null
    }
    Object.assign(step.context, { peers: { providers: async () => ['/p2p/x'] }, plane: { parts: { ask } } })
    await noteOf(step, 1, { name: 'x', of: 'y', until: steady(systemClock) + 500, kind: 'update' })
    expect(asked).to.be.at.most(20)
  })
})
