// SPDX-License-Identifier: GPL-3.0-or-later
// Sets of members: the roster of an epoch, its hash, and sub-sets as bitmaps.
import { addressBytes, ByteWriter, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { BITMAP_BYTES } from './sizes.ts'
import type { EpochContext, Member } from './types.ts'

const X25519_BYTES = 32

/**
 * Hash of the roster, order included: the index of a member is its Shamir point, so everyone must mean the same order.
 * Throws `FheError('invalid-argument')` for a duplicate address, or a key that is not 32 bytes. Two members may have the same key:
 * otherwise a member that copies another's could stop everybody's key generation. Sealed shares are bound to the receiver's index anyway.
 */
export function rosterHash(members: readonly Member[]): Uint8Array {
  const writer = new ByteWriter().u16(members.length)
  const seen = new Set<string>()
  for (const [index, member] of members.entries()) {
    const field = `members[${index}]`
    const address = addressBytes(member.address, `${field}.address`)
    if (!(member.encryptionKey instanceof Uint8Array) || member.encryptionKey.length !== X25519_BYTES) {
      throw new FheError('invalid-argument', `${field}.encryptionKey must be ${X25519_BYTES} bytes`, { field })
    }
    if (seen.has(String(address))) {
      throw new FheError('invalid-argument', `${field} repeats the address of an earlier member`, { field })
    }
    seen.add(String(address))
    writer.bytes(address).bytes(member.encryptionKey)
  }
  return hash('roster', writer.finish())
}

/** Bitmap of distinct indices below 256. */
export function toBitmap(indices: readonly number[]): Uint8Array {
  const bitmap = new Uint8Array(BITMAP_BYTES)
  for (const index of indices) bitmap[index >> 3]! |= 1 << (index & 7)
  return bitmap
}

/** Sorted indices of a bitmap. Throws `FheError('malformed-message')` for a bit at or above `members`. */
export function fromBitmap(bitmap: Uint8Array, members: number, field: string): number[] {
  const indices: number[] = []
  for (let index = 0; index < 8 * bitmap.length; index++) {
    if (((bitmap[index >> 3]! >> (index & 7)) & 1) === 0) continue
    if (index >= members) {
      throw new FheError('malformed-message', `${field} names member ${index} of ${members}`, { field, index })
    }
    indices.push(index)
  }
  return indices
}

/** Sorted copy of a set of member indices. Throws `code` for an index out of range or given twice. */
export function sortedSet(
  indices: readonly number[],
  members: number,
  code: 'wrong-contributors' | 'wrong-active-set',
  field: string,
): number[] {
  const sorted = [...indices].sort((a, b) => a - b)
  for (const [at, index] of sorted.entries()) {
    if (!Number.isInteger(index) || index < 0 || index >= members || index === sorted[at - 1]) {
      throw new FheError(
        code,
        `${field} must be distinct indices from 0 to ${members - 1}; found ${indices.join(', ')}`,
        {
          field,
        },
      )
    }
  }
  return sorted
}

/** Throws `FheError('invalid-argument')` unless `index` is a member. */
export function checkIndex(index: number, members: number, field: string): void {
  if (!Number.isInteger(index) || index < 0 || index >= members) {
    throw new FheError('invalid-argument', `${field} is ${index}; an index from 0 to ${members - 1} is needed`, {
      field,
    })
  }
}

/** Throws 'wrong-chain', 'wrong-service' or 'wrong-epoch' unless both contexts are of the same epoch. */
export function insistSameEpoch(found: EpochContext, wanted: EpochContext): void {
  if (found.chainId !== wanted.chainId) {
    throw new FheError('wrong-chain', `chain is ${found.chainId}, ${wanted.chainId} was expected`)
  }
  if (found.service.toLowerCase() !== wanted.service.toLowerCase()) {
    throw new FheError('wrong-service', `service is ${found.service}, ${wanted.service} was expected`)
  }
  if (found.epoch !== wanted.epoch) {
    throw new FheError('wrong-epoch', `epoch is ${found.epoch}, ${wanted.epoch} was expected`)
  }
}
