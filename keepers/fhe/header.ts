// SPDX-License-Identifier: GPL-3.0-or-later
// The 84 bytes that every message starts with, and the checks that bind it to one place, moment, sender and plan.
import { addressBytes, type ByteReader, ByteWriter, equalBytes, HASH_BYTES, toHex } from './encoding.ts'
import { FheError, type FheErrorCode } from './errors.ts'
import type { EpochContext } from './types.ts'

/** 'CKTH': CKKS, threshold. */
const MAGIC = Uint8Array.of(0x43, 0x4b, 0x54, 0x48)
/** Of the whole wire format. A change to any message's bytes raises it. */
const VERSION = 6

const MESSAGE_TYPES = {
  dealing: 1,
  'sealed share': 2,
  update: 3,
  aggregate: 4,
  'decryption share': 5,
  // 6 was a stored key without the pair keys of the masks.
  'stored member key': 7,
} as const
type MessageType = keyof typeof MESSAGE_TYPES

/** Sender of a message that everyone computes identically: the aggregate. */
export const NOBODY = 0xffff
/** The round of messages that belong to an epoch and to no round. */
const NO_ROUND = 0
/** Round of the trial decryption that ends key generation (rule 5). No training round may have this number. */
export const KEY_TEST_ROUND = Number.MAX_SAFE_INTEGER

/** The required contents of a header. */
type HeaderFields = {
  readonly type: MessageType
  readonly sender: number
  readonly context: EpochContext & { readonly round?: number }
  readonly planHash: Uint8Array
}

/** magic · version u8 · type u8 · sender u16 · chain u64 · service 20 · epoch u64 · round u64 · plan hash 32 */
export function encodeHeader(fields: HeaderFields): Uint8Array {
  return new ByteWriter()
    .bytes(MAGIC)
    .u8(VERSION)
    .u8(MESSAGE_TYPES[fields.type])
    .u16(fields.sender)
    .bytes(contextBytes(fields.context))
    .bytes(fields.planHash)
    .finish()
}

/** chain u64 · service 20 · epoch u64 · round u64. Throws `FheError('invalid-argument')`. */
export function contextBytes(context: EpochContext & { readonly round?: number }): Uint8Array {
  const { chainId, epoch, round = NO_ROUND } = context
  if (typeof chainId !== 'bigint' || chainId < 0n || chainId >= 1n << 64n) {
    throw new FheError('invalid-argument', `chainId is ${chainId}; a bigint from 0 to 2^64 − 1 is needed`, {
      field: 'chainId',
    })
  }
  return new ByteWriter()
    .u64(chainId)
    .bytes(addressBytes(context.service, 'service'))
    .u64(counter(epoch, 'epoch'))
    .u64(counter(round, 'round'))
    .finish()
}

/**
 * Reads a header and insists on every field of `expected`, each with its own error: 'bad-magic', 'unsupported-version',
 * 'wrong-message-type', 'wrong-chain', 'wrong-service', 'wrong-epoch', 'wrong-round', 'wrong-plan', 'wrong-sender'.
 */
export function readHeader(reader: ByteReader, expected: HeaderFields): void {
  const what = expected.type
  if (!equalBytes(reader.bytes(4, 'magic'), MAGIC)) {
    throw new FheError('bad-magic', `this is not a message of this library; a ${what} was expected`)
  }
  const version = reader.u8('version')
  if (version !== VERSION) {
    throw new FheError('unsupported-version', `${what} of version ${version}; this build reads version ${VERSION}`, {
      version,
    })
  }
  const type = reader.u8('type')
  if (type !== MESSAGE_TYPES[expected.type]) {
    throw new FheError('wrong-message-type', `type ${type} where a ${what} (${MESSAGE_TYPES[what]}) was expected`, {
      type,
    })
  }
  const sender = reader.u16('sender')
  const { context } = expected
  const check = (
    code: FheErrorCode,
    field: string,
    found: string | number | bigint,
    wanted: string | number | bigint,
  ) => {
    if (found === wanted) return
    throw new FheError(code, `${field} of this ${what} is ${found}, ${wanted} was expected`, {
      found: String(found),
      expected: String(wanted),
    })
  }
  check('wrong-chain', 'chain', reader.u64('chain'), context.chainId)
  const service = toHex(addressBytes(context.service, 'service'))
  check('wrong-service', 'service', toHex(reader.bytes(20, 'service')), service)
  check('wrong-epoch', 'epoch', reader.u64('epoch'), BigInt(context.epoch))
  check('wrong-round', 'round', reader.u64('round'), BigInt(context.round ?? NO_ROUND))
  check('wrong-plan', 'plan hash', toHex(reader.bytes(HASH_BYTES, 'plan hash')), toHex(expected.planHash))
  check('wrong-sender', 'sender', sender, expected.sender)
}

function counter(value: number, field: string): bigint {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new FheError('invalid-argument', `${field} is ${value}; a safe integer ≥ 0 is needed`, { field })
  }
  return BigInt(value)
}
