// SPDX-License-Identifier: GPL-3.0-or-later
// The messages between a keeper and a relayer over HTTP: POST /v1/calls, JSON both ways.
import { isAddress } from 'ethers'
import { z } from 'zod'
import { REFUSAL_CODES } from './errors.ts'

/** Longest call: its length has two bytes in `relay`. */
const MAX_CALL = 65_535
/** Longest request, in bytes: the call in hexadecimal, and the rest. */
export const MAX_REQUEST = 2 * MAX_CALL + 2_048
/** Longest answer that a keeper reads. */
export const MAX_ANSWER = 16_384
export const CALLS_PATH = '/v1/calls'

const hex = (bytes: string, what: string) => z.string().regex(new RegExp(`^0x([0-9a-f]{2})${bytes}$`), what)

export const requestSchema = z.strictObject({
  chainId: z.int().positive(),
  service: z.string().refine((text) => isAddress(text), 'takes an address'),
  call: z
    .string()
    .max(2 + 2 * MAX_CALL, `takes at most ${MAX_CALL} bytes`)
    .regex(/^0x([0-9a-f]{2}){4,}$/, 'takes calldata: 0x and lower-case hexadecimal bytes, the selector first'),
  disputed: z.boolean(),
  signature: hex('{64}', 'takes r ‖ vs: 0x and 64 lower-case hexadecimal bytes'),
  /** Unix seconds by the chain, after which the call is useless to the keeper. */
  until: z.int().positive(),
})

export type RelayRequest = z.infer<typeof requestSchema>

export const answerSchema = z.union([
  z.strictObject({ transaction: hex('{32}', 'takes a transaction hash') }),
  z.strictObject({ code: z.enum(REFUSAL_CODES), message: z.string().max(1_000) }),
])

export type RelayAnswer = z.infer<typeof answerSchema>
