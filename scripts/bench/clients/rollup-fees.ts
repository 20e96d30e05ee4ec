// SPDX-License-Identifier: GPL-3.0-or-later
// What a rollup charges for the data of a transaction on the chain below it, beside the gas of its execution.
import { brotliCompressSync, constants } from 'node:zlib'

/** Wei, and scalars in millionths, as a chain's SystemConfig has them. */
export type OpStackPrices = {
  readonly l1BaseFee: bigint
  readonly l1BlobBaseFee: bigint
  readonly baseFeeScalar: bigint
  readonly blobBaseFeeScalar: bigint
}

/** OP Stack specification, Fjord, "L1-Cost fee changes (FastLZ estimator)": millionths of a byte. */
const INTERCEPT = -42_585_600n
const PER_FASTLZ_BYTE = 836_500n
const LEAST_SIZE = 100_000_000n

/**
 * The OP Stack's fee for data since Fjord, in wei.
 * @param raw the signed transaction
 */
export function opStackDataFee(raw: Uint8Array, prices: OpStackPrices): bigint {
  const { l1BaseFee, l1BlobBaseFee, baseFeeScalar, blobBaseFeeScalar } = prices
  const estimated = INTERCEPT + PER_FASTLZ_BYTE * BigInt(fastlzLength(raw))
  const size = estimated < LEAST_SIZE ? LEAST_SIZE : estimated
  return (size * (16n * baseFeeScalar * l1BaseFee + blobBaseFeeScalar * l1BlobBaseFee)) / 1_000_000_000_000n
}

/** Data units of a byte on Arbitrum (Nitro, docs/arbos/l1-pricing.md): as many as a byte of calldata costs gas. */
const UNITS_OF_BYTE = 16n

/**
 * Arbitrum's fee for data, in wei: the transaction by itself through brotli, at the chain's price of a unit.
 * @param raw the signed transaction
 * @param level of brotli, 1 since ArbOS 20
 */
export function arbitrumDataFee(raw: Uint8Array, pricePerUnit: bigint, level = 1): bigint {
  const params = { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: 22 }
  return BigInt(brotliCompressSync(raw, { params }).length) * UNITS_OF_BYTE * pricePerUnit
}

/** Bits of FastLZ's table of positions, its farthest match, and most bytes of one. */
const HASH_BITS = 13
const FARTHEST = 2 ** 13 - 1
const LONGEST_MATCH = 262
const LONGEST_RUN = 32
/** Bytes at the end that FastLZ takes over as they are. */
const TAIL = 13

/** Bytes that FastLZ (level 1) makes of these, as the OP Stack counts them. */
export function fastlzLength(bytes: Uint8Array): number {
  const limit = Math.max(0, bytes.length - TAIL)
  const positions = new Uint32Array(2 ** HASH_BITS)
  const triple = (at: number) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
  const slot = (value: number) => Math.imul(value, 2_654_435_769) >>> (32 - HASH_BITS)
  const literals = (count: number) =>
    Math.floor(count / LONGEST_RUN) * (LONGEST_RUN + 1) + (count % LONGEST_RUN === 0 ? 0 : (count % LONGEST_RUN) + 1)
  let length = 0
  let written = 0
  for (let at = 2; at < limit - 1; at++) {
    const value = triple(at)
    const earlier = positions[slot(value)]!
    positions[slot(value)] = at
    if (at - earlier > FARTHEST || triple(earlier) !== value) continue
    length += literals(at - written)
    const most = limit + 6 - at
    let more = 0
    while (more < most && bytes[earlier + 3 + more] === bytes[at + 3 + more]) more += 1
    // Two bytes for a short match, three for a long one; a longer one is several.
    length += 3 * Math.floor(more / LONGEST_MATCH) + (more % LONGEST_MATCH >= 6 ? 3 : 2)
    at += more + (more < most ? 1 : 0)
    for (let i = 0; i < 2; i++, at++) positions[slot(triple(at))] = at
    written = at
    at -= 1
  }
  return length + literals(bytes.length - written)
}
