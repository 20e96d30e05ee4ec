// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import {
  aggregate,
  checkUpdate,
  decodeAggregate,
  encryptUpdate,
  MemoryOnceGuard,
  type OnceClaim,
  onceNonce,
} from '../../../keepers/fhe/index.ts'
import { subtract, valuesOf } from './arithmetic.ts'
import { ROUND, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { encryptOf, openRound, partOfMessage, polynomialOf, type Round, sumOf, WIDER } from './round.ts'
import { AT, flipped, HEADER_REFUSALS } from './tampering.ts'

describe('fhe updates', () => {
  let round: Round
  before(async () => {
    round = await openRound(WIDER)
  })
  after(() => round.engine.close())
  const expected = (sender = 0) => ({ context: ROUND, sender, keyHash: round.keys.keyHash })

  const check = (bytes: Uint8Array, sender = 0) => checkUpdate(round.engine, bytes, expected(sender))

  it('has the length that the plan states and passes its own check', () => {
    expect(round.updates[0]!.bytes.length).to.equal(round.plan.bytes.update)
    check(round.updates[0]!.bytes)
  })

  for (const [at, code] of HEADER_REFUSALS) {
    it(`refuses one with another field at ${at}: ${code}`, () =>
      refuses(code, () => check(flipped(round.updates[0]!.bytes, at))))
  }

  it('refuses another member’s, other parameters, another key, another length', async () => {
    const { bytes } = round.updates[0]!
    await refuses('wrong-sender', () => check(bytes, 1))
    await refuses('wrong-parms-id', () => check(flipped(bytes, AT.parms)))
    await refuses('wrong-key', () => check(flipped(bytes, AT.key)))
    for (const length of [0, 1, 83, 84, 150, bytes.length - 8, bytes.length - 1]) {
      await refuses('truncated', () => check(bytes.subarray(0, length)))
    }
    await refuses('trailing-bytes', () => check(Buffer.concat([bytes, Buffer.alloc(8)])))
    await refuses('invalid-argument', () => check('not bytes' as unknown as Uint8Array))
  })

  it('refuses a coefficient that is q or more', async () => {
    const { wire, set, carried } = round.plan
    const largest = (set.primes[0]! * set.primes[1]! - 1n) >> BigInt(wire.droppedBits)
    for (const at of [0, 7, carried - 1]) {
      const bad = round.updates[0]!.bytes.slice()
      const item = partOfMessage(round, bad).subarray(wire.width * at, wire.width * (at + 1))
      const write = (value: bigint) => {
        for (let i = 0; i < wire.width; i++) item[i] = Number((value >> BigInt(8 * i)) & 255n)
      }
      write(largest + 1n)
      await refuses('coefficient-out-of-range', () => check(bad))
      write(largest)
      check(bad)
    }
  })

  it('refuses vectors that are too long, unclipped or not finite, and weights out of range; its message names no value', async () => {
    const { engine, keys } = round
    const common = { context: ROUND, memberKey: keys.memberKeys.get(0)!, guard: new MemoryOnceGuard() }
    const request = { ...common, vector: vectorOf(50, 1), weight: 1 }
    await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, vector: vectorOf(51, 1) }))
    await refuses('wrong-epoch', () => encryptUpdate(engine, { ...request, context: { ...ROUND, epoch: 4 } }))
    for (const weight of [-1, 1.01, Number.NaN]) {
      await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, weight }))
    }
    for (const value of [8.25, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const vector = vectorOf(50, 1)
      vector[17] = value
      const error = await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, vector }))
      expect(error.detail.index).to.equal(17)
      expect(error.message).to.not.include('8.25')
    }
  })

  it('takes float32 vectors clipped to the bound', async () => {
    const { engine, keys } = round
    const vector = new Float32Array(50).fill(8)
    const common = { context: ROUND, memberKey: keys.memberKeys.get(0)!, guard: new MemoryOnceGuard() }
    await encryptUpdate(engine, { ...common, vector, weight: 1 })
  })
})

describe('fhe encryption, once per round', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())

  it('gives identical bytes for the same request, and refuses another vector or weight', async () => {
    const guard = new MemoryOnceGuard()
    const first = await encryptOf(round, 0, vectorOf(50, 1), ROUND, guard)
    expect(Buffer.compare(await encryptOf(round, 0, vectorOf(50, 1), ROUND, guard), first)).to.equal(0)
    await refuses('already-encrypted', () => encryptOf(round, 0, vectorOf(50, 2), ROUND, guard))
    const common = { context: ROUND, memberKey: round.keys.memberKeys.get(0)!, guard }
    const heavier = { ...common, vector: vectorOf(50, 1), weight: 0.5 }
    await refuses('already-encrypted', () => encryptUpdate(round.engine, heavier))
    // Another round, and another member, are free.
    await encryptOf(round, 0, vectorOf(50, 2), { ...ROUND, round: 8 }, guard)
    await encryptOf(round, 1, vectorOf(50, 2), ROUND, guard)
  })

  it('is refused for a reason: two encryptions in one round give the difference of their vectors away', async () => {
    const core = await Core.open(round.plan)
    const [one, two] = [vectorOf(50, 1), vectorOf(50, 2)]
    // Only a test may forget.
    const [a, b] = [await encryptOf(round, 0, one), await encryptOf(round, 0, two)]
    const difference = (other: Uint8Array) =>
      valuesOf(core.kernel, round.plan, subtract(core.kernel, polynomialOf(round, a), polynomialOf(round, other)))
    const found = difference(b)
    for (const [i, value] of one.entries()) expect(found[1 + i]).to.be.closeTo(value - two[i]!, 1e-4)
    // In different rounds they do not.
    const later = await encryptOf(round, 0, two, { ...ROUND, round: 8 })
    const nothing = difference(later)
    const close = one.filter((value, i) => Math.abs(nothing[1 + i]! - (value - two[i]!)) < 0.1)
    expect(close.length).to.equal(0)
    core[Symbol.dispose]()
  })

  it('hands the guard the very bytes that it returns, before it returns them', async () => {
    const claims: OnceClaim[] = []
    const guard = {
      claim(claim: OnceClaim) {
        claims.push(claim.bytes === undefined ? claim : { ...claim, bytes: claim.bytes.slice() })
        return true
      },
    }
    const bytes = await encryptOf(round, 3, round.vectors[3]!, ROUND, guard)
    expect(claims.map(({ act }) => act)).to.deep.equal(['pad', 'encryption'])
    expect(Buffer.compare(claims[1]!.bytes!, bytes)).to.equal(0)
    expect(Buffer.from(claims[1]!.nonce)).to.deep.equal(
      Buffer.from(onceNonce('encryption', { context: ROUND, keyHash: round.keys.keyHash, self: 3 })),
    )
  })
})

describe('fhe aggregation', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())
  const expected = (sender = 0) => ({ context: ROUND, sender, keyHash: round.keys.keyHash })

  it('gives equal bytes and hash in any order, and the same from bytes', async () => {
    const again = await sumOf(round, [...round.updates].reverse())
    expect(Buffer.compare(again.bytes, round.sum.bytes)).to.equal(0)
    expect(Buffer.compare(again.hash, round.sum.hash)).to.equal(0)
    const decoded = decodeAggregate(round.engine, round.sum.bytes, expected())
    expect(Buffer.compare(decoded.hash, round.sum.hash)).to.equal(0)
    expect(decoded.contributors).to.deep.equal([0, 1, 2, 3, 4])
  })

  it('is done with an update’s bytes when it releases them', async () => {
    const copies = round.updates.map(({ sender, bytes }) => ({ sender, bytes: bytes.slice() }))
    let released = 0
    const again = await aggregate(round.engine, {
      context: ROUND,
      keyHash: round.keys.keyHash,
      updates: copies,
      release: (bytes) => {
        released++
        bytes.fill(0xff)
      },
    })
    expect(released).to.equal(copies.length)
    expect(Buffer.compare(again.bytes, round.sum.bytes)).to.equal(0)
  })

  it('hashes differ with any update left out and any bit of the bytes', async () => {
    const fewer = await sumOf(round, round.updates.slice(1))
    expect(Buffer.compare(fewer.hash, round.sum.hash)).to.not.equal(0)
    const bit = decodeAggregate(round.engine, flipped(round.sum.bytes, -8), expected())
    expect(Buffer.compare(bit.hash, round.sum.hash)).to.not.equal(0)
  })

  it('refuses the same sender twice, strangers, nothing at all, and one bad update among good ones', async () => {
    await refuses('duplicate-sender', () => sumOf(round, [round.updates[0]!, round.updates[0]!]))
    await refuses('invalid-argument', () => sumOf(round, [{ sender: 5, bytes: round.updates[0]!.bytes }]))
    await refuses('no-updates', () => sumOf(round, []))
    const bad = { sender: 1, bytes: flipped(round.updates[1]!.bytes, -1, 0xff) }
    await refuses('coefficient-out-of-range', () => sumOf(round, [round.updates[0]!, bad]))
  })

  it('refuses aggregates with other headers, and with no or impossible contributors', async () => {
    const decode = (bytes: Uint8Array) => decodeAggregate(round.engine, bytes, expected())
    for (const [at, code] of HEADER_REFUSALS) await refuses(code, () => decode(flipped(round.sum.bytes, at)))
    const nobody = round.sum.bytes.slice()
    nobody.fill(0, 148, 180)
    await refuses('no-updates', () => decode(nobody))
    await refuses('malformed-message', () => decode(flipped(round.sum.bytes, 148, 32)))
    await refuses('truncated', () => decode(round.sum.bytes.subarray(0, -1)))
  })
})
