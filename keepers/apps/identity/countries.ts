// SPDX-License-Identifier: GPL-3.0-or-later
// Sets of countries as bitmaps of ISO 3166-1 numeric codes, 250 per word, as in the gate's policy.
import { IdentityError } from './errors.ts'

const WORD_BITS = 250

export type CountryWords = readonly [bigint, bigint, bigint, bigint]

/** @throws IdentityError bad-input unless 1 ≤ code ≤ 999 */
export function requireCountry(code: number, field = 'country'): number {
  if (!Number.isInteger(code) || code < 1 || code > 999) {
    throw new IdentityError('bad-input', `${field} is ${code}, an ISO 3166-1 numeric code from 1 to 999 is needed`)
  }
  return code
}

/** The set of these codes; with `except`, of all others from 1 to 999. */
export function countrySet(codes: readonly number[], except = false): CountryWords {
  const named = new Set(codes.map((code) => requireCountry(code)))
  const words: [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, 0n]
  for (let code = 1; code < 1000; code++) {
    if (named.has(code) !== except) words[Math.floor(code / WORD_BITS)]! |= 1n << BigInt(code % WORD_BITS)
  }
  return words
}

export function inCountrySet(words: readonly bigint[], code: number): boolean {
  return ((words[Math.floor(code / WORD_BITS)]! >> BigInt(code % WORD_BITS)) & 1n) === 1n
}

/** A set as text: its codes, or the codes that it leaves out, whichever are fewer. */
export function countriesText(words: readonly bigint[]): string {
  const codes = Array.from({ length: 999 }, (_, i) => i + 1)
  const named = codes.filter((code) => inCountrySet(words, code))
  if (named.length === codes.length) return 'all countries'
  if (named.length <= codes.length / 2) return `countries ${named.join(' ') || 'none'}`
  return `all countries but ${codes.filter((code) => !inCountrySet(words, code)).join(' ')}`
}
