// SPDX-License-Identifier: GPL-3.0-or-later
// How many bits a window of integers takes: the quantiser, its proof and the writer of circuits must agree on it.
import type { Bounds } from './program.ts'

/** The least B ≥ 2 with −2^(B−1) ≤ min and max < 2^(B−1): a two's-complement window. */
export function signedBits({ min, max }: Bounds): number {
  let bits = 2
  while (max >= 2 ** (bits - 1) || min < -(2 ** (bits - 1))) bits++
  return bits
}

/** The least B ≥ 1 with max < 2^B, for bounds that are never negative. */
export function unsignedBits({ max }: Pick<Bounds, 'max'>): number {
  let bits = 1
  while (max >= 2 ** bits) bits++
  return bits
}

/** Bits that hold every difference of two values in the bounds. */
export function differenceBits({ min, max }: Bounds): number {
  return unsignedBits({ max: max - min })
}
