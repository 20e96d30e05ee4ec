// SPDX-License-Identifier: GPL-3.0-or-later
// The sixteen bytes that a guard asks its model about, in words (ISpendingGuard, SpendFeatures.sol).
import { getBytes } from 'ethers'
import { SPEND_CLASSES, SPEND_ORIGINS } from '../../../keepers/apps/spending/index.ts'

/** Bytes of the tag, and of all. */
const [TAG_BYTES, ALL_BYTES] = [8, 16]
/** A feature at its largest says "at least so much". */
const [FIVE_BITS, FOUR_BITS] = [31, 15]
const MINUTES_OF = [0, 60, 1440] as const
/** Bit length of the 256th parts of a limit: 9 bits are the limit itself up to twice of it. */
const LIMIT_BITS = 9
/** Bits of a label below the margin. */
const LABEL_BITS = 16n

/** Name and value of each feature; null for bytes that are none. */
export function featuresInWords(hex: string): readonly (readonly [string, string])[] | null {
  const bytes = getBytes(hex)
  if (bytes.length !== ALL_BYTES) return null
  const [amount, spent, count, idle, paid, code, kind, origin] = bytes.subarray(TAG_BYTES)
  return [
    ['Amount', ofLimit(amount!)],
    ['Left in the window before', ofLimit(spent!)],
    ['Spends in the window', atLeast(count!, FIVE_BITS)],
    ['Since the last spend', idle === FIVE_BITS ? 'it never spent' : minutes(idle!)],
    ['Recipient paid before', `${atLeast(paid!, FOUR_BITS)} times`],
    ['Recipient is', code === 1 ? 'a contract' : 'an account without code'],
    ['Kind', SPEND_CLASSES[kind!]?.replaceAll('-', ' ') ?? `unknown (${kind})`],
    ['Started by', SPEND_ORIGINS[origin!] ?? `unknown (${origin})`],
  ]
}

/** What a model said: its label, and the margin where the policy reads one. */
export function readOutput(
  output: bigint,
  margins: boolean,
): { readonly label: bigint; readonly margin: bigint | null } {
  if (!margins) return { label: output, margin: null }
  return { label: output & ((1n << LABEL_BITS) - 1n), margin: output >> LABEL_BITS }
}

/** An amount against the limit, from its bit length in 256th parts. */
function ofLimit(bits: number): string {
  if (bits === 0) return 'nothing, or next to nothing'
  if (bits === FIVE_BITS) return `at least ${(2 ** (FIVE_BITS - LIMIT_BITS)).toLocaleString('en-US')} times the limit`
  const low = bits - LIMIT_BITS
  if (low >= 0) return `${2 ** low} to ${2 ** (low + 1)} times the limit`
  return `1/${2 ** -low} to ${low === -1 ? 'all' : `1/${2 ** (-low - 1)}`} of the limit`
}

function minutes(bits: number): string {
  if (bits === 0) return 'less than a minute'
  const [from, to] = [2 ** (bits - 1), 2 ** bits]
  const [, hour, day] = MINUTES_OF
  if (from >= day) return `${Math.floor(from / day)} to ${Math.ceil(to / day)} days`
  if (from >= hour) return `${Math.floor(from / hour)} to ${Math.ceil(to / hour)} hours`
  return `${from} to ${to} minutes`
}

function atLeast(value: number, most: number): string {
  return value >= most ? `at least ${most}` : String(value)
}
