// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of slices as they travel. A sum of n coefficients of w bytes has 8·w + ⌈log2 n⌉ bits, and whole words of 64 in the sum that is hashed:
// of 48-bit coefficients of sixteen members twelve bits in each word are zero.
//
// the low w bytes of each sum, little-endian · what is above them, ⌈log2 n⌉ bits each, the first in the lowest bits
import { FheError } from './errors.ts'
import type { Plan } from './plan.ts'
import { sumWords } from './wire-format.ts'

type Shape = Pick<Plan, 'wire' | 'members'>

/** Bits of a sum of up to all members' coefficients above those of one. At most 8: a plan has no more than 256 members. */
const carryBits = ({ members }: Shape): number => Math.ceil(Math.log2(members))

/** Bytes of so many sums. */
export function packedBytes(plan: Shape, count: number): number {
  return plan.wire.width * count + Math.ceil((carryBits(plan) * count) / 8)
}

/** Packs sums in whole words, each of no more than `members` coefficients. Equal sums, equal bytes. */
export function packSums(plan: Shape, sums: Uint8Array): Uint8Array {
  const { width } = plan.wire
  const word = 8 * sumWords(plan.wire)
  const count = sums.length / word
  const packed = new Uint8Array(packedBytes(plan, count))
  const bits = carryBits(plan)
  let at = width * count
  let [held, holds] = [0, 0]
  for (let i = 0; i < count; i++) {
    // Byte by byte: a view for each of a million coefficients takes ten times as long.
    for (let byte = 0; byte < width; byte++) packed[width * i + byte] = sums[word * i + byte]!
    held |= sums[word * i + width]! << holds
    holds += bits
    for (; holds >= 8; holds -= 8, held >>= 8) packed[at++] = held & 0xff
  }
  if (holds > 0) packed[at] = held
  return packed
}

/** Writes so many packed sums to `sums`, in whole words. Throws 'malformed-message' for bits after the last. */
export function unpackSums(plan: Shape, packed: Uint8Array, sums: Uint8Array): void {
  const { width } = plan.wire
  const word = 8 * sumWords(plan.wire)
  const count = sums.length / word
  const bits = carryBits(plan)
  let at = width * count
  let [held, holds] = [0, 0]
  for (let i = 0; i < count; i++) {
    for (let byte = 0; byte < width; byte++) sums[word * i + byte] = packed[width * i + byte]!
    if (holds < bits) {
      held |= packed[at++]! << holds
      holds += 8
    }
    sums[word * i + width] = held & ((1 << bits) - 1)
    for (let byte = width + 1; byte < word; byte++) sums[word * i + byte] = 0
    held >>= bits
    holds -= bits
  }
  if (held !== 0) throw new FheError('malformed-message', `packed sums: bits are set after the last of ${count}`)
}
