// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that are read a few ciphertexts at a time: the same results, and a memory that knows nothing of how many there are.
import { expect } from 'chai'
import {
  aggregateInChunks,
  checkUpdateMessage,
  checkUpdatePoint,
  combine,
  type MessageSource,
  openAggregateMessage,
  openEngine,
  updateClaim,
  updateMessageClaim,
} from '../../../keepers/fhe/index.ts'
import { CHUNK_CIPHERTEXTS } from '../../../keepers/fhe/message-source.ts'
import { ROUND } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { openRound, type Round, sharesOf, sumOf, type Update } from './round.ts'

const MEMBERS = 8
const ACTIVE = [0, 2, 3, 5, 7]

/**
 * Messages of which one range is in memory at a time: whatever was read before is gone with the next read, of any of them. A reader that held on
 * to a second range would find it empty.
 */
class OneAtATime {
  #last: ArrayBuffer | null = null
  reads = 0
  /** Most bytes that were there at once. */
  most = 0

  source(bytes: Uint8Array): MessageSource {
    return {
      size: bytes.length,
      read: async (from, to) => {
        this.#last?.transfer(0)
        const range = bytes.slice(from, to)
        this.#last = range.buffer
        this.reads += 1
        this.most = Math.max(this.most, range.length)
        return range
      },
    }
  }
}

describe('fhe messages in chunks', () => {
  let round: Round
  let shares: Uint8Array[]

  before(async () => {
    // One more ciphertext than a chunk has, and a bit.
    const vectorLength = 8_191 * (CHUNK_CIPHERTEXTS + 1) + 5
    round = await openRound({ vectorLength, clipBound: 0.01 }, MEMBERS, 5)
    shares = await sharesOf(round, ACTIVE)
  })
  after(() => round.engine.close())

  const keyHash = () => round.keys.keyHash
  const messagesOf = (memory: OneAtATime, updates: readonly Update[]) =>
    updates.map(({ sender, bytes }) => ({ sender, message: memory.source(bytes) }))

  async function sumInChunks(memory: OneAtATime, updates: readonly Update[]) {
    const pieces: Uint8Array[] = []
    const write = (piece: Uint8Array) => void pieces.push(piece)
    const request = { context: ROUND, keyHash: keyHash(), updates: messagesOf(memory, updates), write }
    const sum = await aggregateInChunks(round.engine, request)
    return { sum, bytes: new Uint8Array(Buffer.concat(pieces)), largest: Math.max(...pieces.map((p) => p.length)) }
  }

  const opened = (memory: OneAtATime, bytes: Uint8Array) =>
    openAggregateMessage(round.engine, memory.source(bytes), { context: ROUND, keyHash: keyHash() })

  it('add up to the bytes and the hash of the sum that is made at once, in any order', async () => {
    const { sum, bytes } = await sumInChunks(new OneAtATime(), [...round.updates].reverse())
    expect(Buffer.compare(bytes, round.sum.bytes)).to.equal(0)
    expect(Buffer.compare(sum.hash, round.sum.hash)).to.equal(0)
    expect(sum.contributors).to.deep.equal(round.sum.contributors)
    const again = await opened(new OneAtATime(), bytes)
    expect(Buffer.compare(again.hash, round.sum.hash)).to.equal(0)
  })

  it('take as much memory for eight members as for four: one chunk of one update, and one of the sum', async () => {
    const [few, many] = [new OneAtATime(), new OneAtATime()]
    const four = await sumInChunks(few, round.updates.slice(0, 4))
    const eight = await sumInChunks(many, round.updates)
    const { degree } = round.plan.set
    expect(many.most).to.equal(few.most)
    expect(many.most).to.equal(round.plan.wire.width * degree * CHUNK_CIPHERTEXTS)
    expect(eight.largest).to.equal(four.largest)
    // Both are right: nothing was looked for in a range that was gone.
    const wanted = await sumOf(round, round.updates.slice(0, 4))
    expect(Buffer.compare(four.sum.hash, wanted.hash)).to.equal(0)
    expect(Buffer.compare(eight.sum.hash, round.sum.hash)).to.equal(0)
    expect(many.reads).to.equal(2 * few.reads)
  })

  it('of shares combine to the same bits, and take no more for more of them', async () => {
    const totalWeight = MEMBERS
    const request = { context: ROUND, activeSet: ACTIVE, totalWeight }
    const whole = await combine(round.engine, { ...request, aggregate: round.sum, shares })
    const memory = new OneAtATime()
    const aggregate = await opened(memory, round.sum.bytes)
    const shareMessages = [...shares].reverse().map((share) => memory.source(share))
    const found = await combine(round.engine, { ...request, aggregate, shareMessages })
    expect(found.mean).to.deep.equal(whole.mean)
    expect(found.report).to.deep.equal(whole.report)
    expect(memory.most).to.equal(8 * round.plan.set.degree * CHUNK_CIPHERTEXTS)
  })

  it('are not written to, though they are Buffers, of which a slice is no copy', async () => {
    const before = Buffer.from(round.sum.bytes)
    const message = { size: before.length, read: async (from: number, to: number) => before.subarray(from, to) }
    const aggregate = await openAggregateMessage(round.engine, message, { context: ROUND, keyHash: keyHash() })
    const request = { context: ROUND, activeSet: ACTIVE, totalWeight: MEMBERS, aggregate }
    const memory = new OneAtATime()
    await combine(round.engine, { ...request, shareMessages: shares.map((share) => memory.source(share)) })
    await combine(round.engine, { ...request, shares })
    expect(before.equals(round.sum.bytes)).to.equal(true)
  })

  it('go to worker threads as copies, though they are Buffers of one memory', async () => {
    const { sender, bytes } = round.updates[3]!
    const of = { context: ROUND, memberKey: round.keys.memberKeys.get(1)!, sender }
    const file = Buffer.from(bytes)
    const message = { size: file.length, read: async (from: number, to: number) => file.subarray(from, to) }
    await using pooled = await openEngine(round.plan, { workers: 1 })
    expect((await checkUpdatePoint(pooled, { ...of, bytes: message })).agrees).to.equal(true)
    expect(file.equals(bytes)).to.equal(true)
  })

  it('are checked like whole updates', async () => {
    const { sender, bytes } = round.updates[3]!
    const memberKey = round.keys.memberKeys.get(1)!
    const of = { context: ROUND, memberKey, sender }
    const memory = new OneAtATime()
    const whole = await checkUpdatePoint(round.engine, { ...of, bytes })
    const found = await checkUpdatePoint(round.engine, { ...of, bytes: memory.source(bytes) })
    expect(whole.agrees).to.equal(true)
    expect(found).to.deep.equal(whole)
    const where = { context: ROUND, keyHash: keyHash(), sender }
    expect(await checkUpdateMessage(round.engine, memory.source(bytes), where)).to.deep.equal(whole.claim.digest)
    const claim = await updateMessageClaim(round.engine, { ...where, message: memory.source(bytes) })
    expect(claim).to.deep.equal(updateClaim(round.engine, { ...where, bytes }))
  })

  it('with a changed coefficient have another hash, and a scalar that disagrees', async () => {
    const { sender, bytes } = round.updates[3]!
    const changed = bytes.slice()
    changed[changed.length >> 1]! ^= 1
    const memberKey = round.keys.memberKeys.get(1)!
    const message = new OneAtATime().source(changed)
    const { agrees } = await checkUpdatePoint(round.engine, { context: ROUND, memberKey, sender, bytes: message })
    expect(agrees).to.equal(false)
  })

  it('from a disk that changes between two readings would not be those that were checked: sources must check each time', async () => {
    // What `DataPlane.hold` refuses by the hash of a block (stored-blob.test.ts), a source without such checks lets through.
    const [first, ...others] = round.updates as [Update, ...Update[]]
    const disk = first.bytes.slice()
    const message: MessageSource = { size: disk.length, read: async (from, to) => disk.slice(from, to) }
    const where = { context: ROUND, keyHash: keyHash(), sender: first.sender }
    await checkUpdateMessage(round.engine, message, where)
    disk[disk.length >> 1]! ^= 1
    const updates = [{ sender: first.sender, message }, ...messagesOf(new OneAtATime(), others)]
    const sum = await aggregateInChunks(round.engine, {
      ...{ context: ROUND, keyHash: keyHash(), updates },
      write: () => undefined,
    })
    expect(Buffer.compare(sum.hash, round.sum.hash)).to.not.equal(0)
  })

  describe('are refused', () => {
    const check = (bytes: Uint8Array, sender = 3) =>
      checkUpdateMessage(round.engine, new OneAtATime().source(bytes), { context: ROUND, keyHash: keyHash(), sender })
    const update = () => round.updates[3]!.bytes

    it('with a byte too few or too many, or none', async () => {
      await refuses('truncated', () => check(update().slice(0, -1)))
      await refuses('truncated', () => check(new Uint8Array()))
      await refuses('trailing-bytes', () => check(new Uint8Array(Buffer.concat([update(), Buffer.alloc(1)]))))
    })

    it('in the name of another member', () => refuses('wrong-sender', () => check(update(), 4)))

    it('when a source gives less than was asked for', () => {
      const message = { size: update().length, read: async () => new Uint8Array(3) }
      return refuses('truncated', () =>
        checkUpdateMessage(round.engine, message, { context: ROUND, keyHash: keyHash(), sender: 3 }),
      )
    })

    it('twice in one sum, and none at all', async () => {
      const [first] = round.updates as [Update]
      await refuses('duplicate-sender', () => sumInChunks(new OneAtATime(), [first, first]))
      await refuses('no-updates', () => sumInChunks(new OneAtATime(), []))
    })

    it('as shares that are missing, repeated, of somebody who was not drafted, or of another sum', async () => {
      const memory = new OneAtATime()
      const combined = (list: readonly Uint8Array[], activeSet = ACTIVE) => {
        const shareMessages = list.map((share) => memory.source(share))
        return combine(round.engine, { context: ROUND, aggregate: round.sum, totalWeight: 8, activeSet, shareMessages })
      }
      await refuses('too-few-shares', () => combined(shares.slice(1)))
      await refuses('duplicate-sender', () => combined([...shares, shares[0]!]))
      await refuses('not-in-active-set', () => combined([...shares].reverse(), [0, 2, 3, 5, 6]))
      const others = await sharesOf(round, ACTIVE, { contributors: [0, 1, 2, 3, 5, 7] })
      await refuses('wrong-contributors', () => combined([others[0]!, ...shares.slice(1)]))
    })

    it('as a sum that was not opened here', () => {
      const aggregate = { hash: round.sum.hash, contributors: round.sum.contributors }
      const request = { context: ROUND, activeSet: ACTIVE, totalWeight: 8, shares }
      return refuses('invalid-argument', () => combine(round.engine, { ...request, aggregate }))
    })
  })
})
