// SPDX-License-Identifier: GPL-3.0-or-later
// Fields that the transcripts of both systems share.
import { z } from 'zod'

export const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
export const when = z.iso.datetime()

/**
 * Text that people type, printed beside the hashes of steps. So it may contain no line break, control character or change of direction, and
 * is too short for a hash of 128 digits. Else a step could print the line of another, which is not in the ceremony.
 */
export const PRINTABLE = /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u
export const MAX_NAME = 64
export const MAX_SOURCE = 120
export const nameSchema = z.string().min(1).max(MAX_NAME).regex(PRINTABLE)

export const beaconSchema = z.strictObject({
  /** Public randomness that nobody could know when the last contribution was made. */
  value: z.string().regex(/^([0-9a-f]{2}){1,255}$/),
  /** The value is hashed 2^iterationsExponent times. */
  iterationsExponent: z.int().min(10).max(63),
  /** Where the value comes from, such as "Ethereum block 24000000". */
  source: z.string().max(MAX_SOURCE).regex(PRINTABLE),
})

export const circuitFields = {
  r1csSha256: hex(32),
  constraints: z.int().positive(),
  variables: z.int().positive(),
  publicSignals: z.int().nonnegative(),
}

export const powersSchema = z.strictObject({
  power: z.int().min(1).max(28),
  blake2b: z.string().regex(/^[0-9a-f]{128}$/),
  published: z.boolean(),
})
