// SPDX-License-Identifier: GPL-3.0-or-later
// Where to touch a message so that exactly one thing about it is wrong.
import type { FheErrorCode } from '../../../keepers/fhe/index.ts'

/** Where the fields of a header begin. */
export const AT = {
  magic: 0,
  version: 4,
  type: 5,
  sender: 6,
  chain: 8,
  service: 16,
  epoch: 36,
  round: 44,
  plan: 52,
  parms: 84,
  key: 116,
}

/** A copy with one byte changed; `at` below 0 counts from the end. */
export function flipped(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  const copy = bytes.slice()
  copy[at < 0 ? copy.length + at : at]! ^= mask
  return copy
}

/** A flip at the first byte of each header field, and the error that must answer it. */
export const HEADER_REFUSALS: readonly (readonly [number, FheErrorCode])[] = [
  [AT.magic, 'bad-magic'],
  [AT.version, 'unsupported-version'],
  [AT.type, 'wrong-message-type'],
  [AT.chain, 'wrong-chain'],
  [AT.service, 'wrong-service'],
  [AT.epoch, 'wrong-epoch'],
  [AT.round, 'wrong-round'],
  [AT.plan, 'wrong-plan'],
  [AT.sender, 'wrong-sender'],
]
