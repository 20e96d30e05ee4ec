// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregateOfSlices,
  combine,
  KEY_TEST_ROUND,
  plan,
  sliceBytes,
  sliceCount,
  sliceCuts,
  sliceSumBytes,
  sliceSumOf,
  sumSlice,
} from '../../../keepers/fhe/index.ts'
import { ROUND } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { openRound, type Round, sharesOf, sumOf, WIDER } from './round.ts'

const MEMBERS = 7
const ACTIVE = [0, 2, 3, 6]

describe('fhe sums by slices', () => {
  let round: Round
  let shares: Uint8Array[]
  before(async () => {
    round = await openRound(WIDER, MEMBERS, 4)
    shares = await sharesOf(round, ACTIVE)
  })
  after(() => round.engine.close())

  const slices = () => Array.from({ length: sliceCount(round.plan) }, (_, slice) => slice)
  const partOf = (message: 'update' | 'decryption share', bytes: Uint8Array, slice: number): Uint8Array => {
    const { from, to } = sliceBytes(round.plan, message, slice)
    return bytes.slice(from, to)
  }
  const sumsOf = (message: 'update' | 'decryption share', all: readonly Uint8Array[]): Promise<Uint8Array[]> =>
    Promise.all(
      slices().map((slice) =>
        sumSlice(round.engine, { slice, parts: all.map((bytes) => partOf(message, bytes, slice)) }),
      ),
    )
  const updates = () => round.updates.map(({ bytes }) => bytes)
  const everybody = Array.from({ length: MEMBERS }, (_, member) => member)
  const joined = (sums: readonly Uint8Array[], contributors: readonly number[] = everybody, context = ROUND) =>
    aggregateOfSlices(round.engine, { context, keyHash: round.keys.keyHash, contributors, sums })
  const decrypt = (shareSums: readonly Uint8Array[], aggregate = round.sum) =>
    combine(round.engine, { context: ROUND, aggregate, activeSet: ACTIVE, shareSums, totalWeight: MEMBERS })

  it('cuts messages at the edges of slices, which hold every coefficient once', () => {
    for (const [message, bytes, ends] of [
      ['update', round.plan.bytes.update, round.plan.bytes.update - round.plan.bytes.shortnessProof],
      ['decryption share', round.plan.bytes.decryptionShare, round.plan.bytes.decryptionShare],
    ] as const) {
      const ranges = slices().map((slice) => sliceBytes(round.plan, message, slice))
      for (const [at, { from }] of ranges.entries()) if (at > 0) expect(from).to.equal(ranges[at - 1]!.to)
      expect(ranges.at(-1)!.to).to.equal(ends)
      expect(ranges.at(-1)!.to - ranges[0]!.from).to.equal(round.plan.wire.width * round.plan.carried)
      const edges = [...ranges.map(({ from }) => from), ends].filter((edge) => edge < bytes)
      expect(sliceCuts(round.plan, message)).to.deep.equal(edges)
    }
  })

  it('makes as many slices as there are groups of three members, and none below six or above 48', () => {
    const count = (members: number) => sliceCount({ members })
    expect([3, 4, 5, 6, 8, 16, 48, 256].map(count)).to.deep.equal([1, 1, 1, 2, 2, 5, 16, 48])
    const small = plan({ members: 5, threshold: 3, vectorLength: 10, clipBound: 1, decryptionsPerKey: 4 })
    expect(sliceCuts(small, 'update')).to.deep.equal([])
  })

  it('gives the bytes of the whole sum, whoever added up which slice', async () => {
    const sum = joined(await sumsOf('update', updates()))
    expect(sum.bytes).to.deep.equal(round.sum.bytes)
    expect(sum.hash).to.deep.equal(round.sum.hash)
    expect(sum.contributors).to.deep.equal(round.sum.contributors)
    const parts = await Promise.all(slices().map((slice) => sliceSumOf(round.engine, round.sum, slice)))
    expect(parts).to.deep.equal(await sumsOf('update', updates()))
    const some = round.updates.slice(1, 6)
    const sumsOfSome = await sumsOf('update', some.map(({ bytes }) => bytes)) // biome-ignore format: one line
    const ofSome = await sumOf(round, some)
    expect(joined(sumsOfSome, ofSome.contributors).bytes).to.deep.equal(ofSome.bytes)
  })

  it('decrypts with sums of shares to the same values as with the shares', async () => {
    const shareSums = await sumsOf('decryption share', shares)
    const bySlices = await decrypt(shareSums, joined(await sumsOf('update', updates())))
    const whole = await combine(round.engine, {
      context: ROUND,
      aggregate: round.sum,
      activeSet: ACTIVE,
      shares,
      totalWeight: MEMBERS,
    })
    expect(bySlices).to.deep.equal(whole)
  })

  it('shows a lie in any slice of the updates by another hash', async () => {
    const sums = await sumsOf('update', updates())
    for (const slice of slices()) {
      const lied = sums.map((sum) => sum.slice())
      lied[slice]![0]! ^= 1
      expect(joined(lied).hash).not.to.deep.equal(round.sum.hash)
    }
  })

  it('refuses a decryption with a lie in a slice of the shares, or with a share left out of it', async () => {
    const sums = await sumsOf('decryption share', shares)
    const largest = round.plan.wire.width - 1
    const lied = sums.map((sum) => sum.slice())
    // Half of Q, added to one coefficient.
    lied[1]![largest]! ^= 0x80
    await refuses('integrity-failed', () => decrypt(lied))
    const fewer = await sumSlice(round.engine, {
      slice: 0,
      parts: shares.slice(1).map((bytes) => partOf('decryption share', bytes, 0)),
    })
    await refuses('integrity-failed', () => decrypt([fewer, ...sums.slice(1)]))
  })

  it('refuses sums that cannot be, of too large coefficients or another length', async () => {
    const sums = await sumsOf('update', updates())
    const impossible = [sums[0]!.slice().fill(0xff), ...sums.slice(1)]
    await refuses('coefficient-out-of-range', () => joined(impossible))
    await refuses('coefficient-out-of-range', () => decrypt(impossible))
    await refuses('malformed-message', () => joined(sums.slice(1)))
    await refuses('malformed-message', () => decrypt([sums[0]!.subarray(8), ...sums.slice(1)]))
    await refuses('no-updates', () => joined(sums, []))
    await refuses('wrong-contributors', () => joined(sums, [0, MEMBERS]))
    await refuses('invalid-argument', () => joined(sums, everybody, { ...ROUND, round: KEY_TEST_ROUND }))
    expect(sums[0]!.length).to.equal(sliceSumBytes(round.plan, 0))
  })

  it('refuses parts of a slice that are no coefficients, and says which', async () => {
    const parts = updates().map((bytes) => partOf('update', bytes, 0))
    const short = await refuses('malformed-message', () =>
      sumSlice(round.engine, { slice: 0, parts: [parts[0]!, parts[1]!.subarray(1)] }),
    )
    expect(short.detail.part).to.equal(1)
    const large = parts[2]!.slice().fill(0xff)
    const beyond = await refuses('coefficient-out-of-range', () =>
      sumSlice(round.engine, { slice: 0, parts: [parts[0]!, parts[1]!, large] }),
    )
    expect(beyond.detail.part).to.equal(2)
    await refuses('no-updates', () => sumSlice(round.engine, { slice: 0, parts: [] }))
    await refuses('invalid-argument', () => sumSlice(round.engine, { slice: sliceCount(round.plan), parts }))
  })
})
