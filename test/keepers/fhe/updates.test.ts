// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { checkUpdate, decodeAggregate, encryptUpdate } from '../../../keepers/fhe/index.ts'
import { ROUND, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { openRound, type Round, sumOf } from './round.ts'
import { AT, flipped, HEADER_REFUSALS } from './tampering.ts'

describe('fhe updates', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())
  const expected = (sender = 0) => ({ context: ROUND, sender, collectiveKeyHash: round.keys.collectiveKey.hash })

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

  it('refuses a coefficient that is q or more, in c0 and in c1, and a zero c1', async () => {
    const { polynomial } = round.plan.bytes
    for (const back of [2 * polynomial, polynomial, 8]) {
      const bad = round.updates[0]!.bytes.slice()
      const q = round.plan.set.primes[back === 8 ? 1 : 0]!
      new DataView(bad.buffer).setBigUint64(bad.length - back, q, true)
      await refuses('coefficient-out-of-range', () => check(bad))
      new DataView(bad.buffer).setBigUint64(bad.length - back, q - 1n, true)
      check(bad)
    }
    const transparent = round.updates[0]!.bytes.slice()
    transparent.fill(0, transparent.length - polynomial)
    await refuses('transparent-ciphertext', () => check(transparent))
  })

  it('refuses vectors that are too long, unclipped or not finite, and weights out of range, without naming a value', async () => {
    const { engine, keys } = round
    const request = { context: ROUND, sender: 0, collectiveKey: keys.collectiveKey, vector: vectorOf(50, 1), weight: 1 }
    await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, vector: vectorOf(51, 1) }))
    await refuses('invalid-argument', () => encryptUpdate(engine, { ...request, sender: 5 }))
    for (const weight of [0, -1, 1.01, Number.NaN]) {
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
    await encryptUpdate(engine, { context: ROUND, sender: 0, collectiveKey: keys.collectiveKey, vector, weight: 1 })
  })
})

describe('fhe aggregation', () => {
  let round: Round
  before(async () => {
    round = await openRound()
  })
  after(() => round.engine.close())
  const expected = (sender = 0) => ({ context: ROUND, sender, collectiveKeyHash: round.keys.collectiveKey.hash })

  it('gives equal bytes and hash whatever the order, and the same from bytes', async () => {
    const again = await sumOf(round, [...round.updates].reverse())
    expect(Buffer.compare(again.bytes, round.sum.bytes)).to.equal(0)
    expect(Buffer.compare(again.hash, round.sum.hash)).to.equal(0)
    const decoded = decodeAggregate(round.engine, round.sum.bytes, expected())
    expect(Buffer.compare(decoded.hash, round.sum.hash)).to.equal(0)
    expect(decoded.contributors).to.deep.equal([0, 1, 2, 3, 4])
    expect(decoded.c1Hashes).to.deep.equal(round.sum.c1Hashes)
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

  it('refuses a sum that somebody’s negative made transparent', async () => {
    const { bytes } = round.updates[0]!
    const { polynomial } = round.plan.bytes
    const negative = bytes.slice()
    const words = new BigUint64Array(negative.buffer.slice(negative.length - polynomial))
    const { primes, degree } = round.plan.set
    const negated = words.map((value, i) => (value === 0n ? 0n : primes[Math.floor(i / degree)]! - value))
    negative.set(new Uint8Array(negated.buffer), negative.length - polynomial)
    new DataView(negative.buffer).setUint16(AT.sender, 1, true)
    await refuses('transparent-ciphertext', () => sumOf(round, [round.updates[0]!, { sender: 1, bytes: negative }]))
  })

  it('refuses aggregates with other headers, no or impossible contributors, and two equal ciphertexts', async () => {
    const decode = (bytes: Uint8Array) => decodeAggregate(round.engine, bytes, expected())
    for (const [at, code] of HEADER_REFUSALS) await refuses(code, () => decode(flipped(round.sum.bytes, at)))
    const nobody = round.sum.bytes.slice()
    nobody.fill(0, 148, 180)
    await refuses('no-updates', () => decode(nobody))
    await refuses('malformed-message', () => decode(flipped(round.sum.bytes, 148, 32)))
    await refuses('truncated', () => decode(round.sum.bytes.subarray(0, -1)))

    const two = await openRound({ vectorLength: 5000 }, 1, 1)
    const size = 2 * two.plan.bytes.polynomial
    const twin = two.sum.bytes.slice()
    twin.copyWithin(twin.length - size, twin.length - 2 * size, twin.length - size)
    const from = { context: ROUND, collectiveKeyHash: two.keys.collectiveKey.hash }
    await refuses('duplicate-ciphertext', () => decodeAggregate(two.engine, twin, from))
    await two.engine.close()
  })
})
