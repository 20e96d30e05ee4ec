// SPDX-License-Identifier: GPL-3.0-or-later
// The three messages of a round: update, aggregate, decryption share. Their residues lie raw, 8 bytes each, in SEAL's
// order; SEAL's own headers would only repeat what the plan says.
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash, sha256, toHex } from './encoding.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { encodeHeader, NOBODY, readHeader } from './header.ts'
import type { Block } from './kernel/kernel.ts'
import { fromBitmap, toBitmap } from './members.ts'
import type { Plan } from './plan.ts'
import { dataParmsId } from './seal-format.ts'
import { BITMAP_BYTES } from './sizes.ts'
import type { RoundContext } from './types.ts'

/** What binds a message of a round, apart from its sender. */
export type RoundFrame = {
  readonly plan: Plan
  readonly context: RoundContext
  readonly collectiveKeyHash: Uint8Array
  /** Ciphertexts of one vector in this round. */
  readonly ciphertexts: number
}

/** header · parms_id · key hash: what an update starts with. */
export function updatePrefix(frame: RoundFrame, sender: number): Uint8Array {
  return prefix(frame, 'update', sender, dataParmsId(frame.plan.set), frame.collectiveKeyHash)
}

/** header · parms_id · key hash · contributors */
export function aggregatePrefix(frame: RoundFrame, contributors: readonly number[]): Uint8Array {
  const parmsId = dataParmsId(frame.plan.set)
  return prefix(frame, 'aggregate', NOBODY, parmsId, frame.collectiveKeyHash, toBitmap(contributors))
}

/** header · key hash · aggregate hash · active set */
export function sharePrefix(
  frame: RoundFrame,
  sender: number,
  aggregateHash: Uint8Array,
  activeSet: readonly number[],
): Uint8Array {
  return prefix(frame, 'decryption share', sender, frame.collectiveKeyHash, aggregateHash, toBitmap(activeSet))
}

/** The ciphertexts of an update, as one view; residues are not checked yet. */
export function readUpdate(frame: RoundFrame, sender: number, bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes, `update of member ${sender}`)
  readHeader(reader, { type: 'update', sender, context: frame.context, planHash: frame.plan.hash })
  readParmsId(reader, frame.plan)
  readKey(reader, frame)
  const ciphertexts = reader.bytes(2 * frame.plan.bytes.polynomial * frame.ciphertexts, 'ciphertexts')
  reader.end()
  return ciphertexts
}

/** Contributors and ciphertexts of an aggregate; residues are not checked yet. */
export function readAggregate(
  frame: RoundFrame,
  bytes: Uint8Array,
): { readonly contributors: readonly number[]; readonly ciphertexts: Uint8Array } {
  const reader = new ByteReader(bytes, 'aggregate')
  readHeader(reader, { type: 'aggregate', sender: NOBODY, context: frame.context, planHash: frame.plan.hash })
  readParmsId(reader, frame.plan)
  readKey(reader, frame)
  const contributors = fromBitmap(reader.bytes(BITMAP_BYTES, 'contributors'), frame.plan.members, 'contributors')
  if (contributors.length === 0) throw new FheError('no-updates', 'this aggregate says that nobody contributed to it')
  const ciphertexts = reader.bytes(2 * frame.plan.bytes.polynomial * frame.ciphertexts, 'ciphertexts')
  reader.end()
  return { contributors, ciphertexts }
}

/** The polynomials h_j of a share; residues are not checked yet. */
export function readShare(
  frame: RoundFrame,
  sender: number,
  aggregateHash: Uint8Array,
  activeSet: readonly number[],
  bytes: Uint8Array,
): Uint8Array {
  const what = `decryption share of member ${sender}`
  const reader = new ByteReader(bytes, what)
  readHeader(reader, { type: 'decryption share', sender, context: frame.context, planHash: frame.plan.hash })
  readKey(reader, frame)
  const found = reader.bytes(HASH_BYTES, 'aggregate hash')
  if (!equalBytes(found, aggregateHash)) {
    throw new FheError('wrong-aggregate', `${what} is for aggregate ${toHex(found)}, not ${toHex(aggregateHash)}`, {
      sender,
    })
  }
  const set = reader.bytes(BITMAP_BYTES, 'active set')
  if (!equalBytes(set, toBitmap(activeSet))) {
    const theirs = fromBitmap(set, 8 * BITMAP_BYTES, 'active set')
    throw new FheError('wrong-active-set', `${what} is for the active set ${theirs}, not ${activeSet}`, {
      sender,
      found: theirs,
    })
  }
  const polynomials = reader.bytes(frame.plan.bytes.polynomial * frame.ciphertexts, 'polynomials')
  reader.end()
  return polynomials
}

/** Sender of a share, without believing it: for finding out whose share it claims to be. */
export function peekSender(bytes: Uint8Array, what: string): number {
  const reader = new ByteReader(bytes, what)
  reader.bytes(6, 'header')
  return reader.u16('sender')
}

/**
 * Checks one ciphertext, c0 · c1, that came from outside: residues below their primes, c1 not zero (SEAL's
 * "transparent": it would decrypt without any key). `room` has 16·N·L bytes and holds the ciphertext afterwards.
 */
export function loadCiphertext(engine: Engine, room: Block, ciphertext: Uint8Array, what: string): void {
  const { kernel } = engine
  kernel.write(room, ciphertext)
  for (let polynomial = 0; polynomial < 2; polynomial++) {
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      if (kernel.calls.allBelow(kernel.records[l]!, kernel.residues(room, l, polynomial), kernel.degree)) continue
      throw new FheError('coefficient-out-of-range', `${what}: c${polynomial} has a coefficient not below prime ${l}`)
    }
  }
  if (kernel.calls.allZero(kernel.residues(room, 0, 1), kernel.degree * kernel.dataPrimeCount)) {
    throw new FheError('transparent-ciphertext', `${what}: c1 is zero, so anyone could read it`)
  }
}

/**
 * Hash of an aggregate: SHA-256 over its prefix and the hashes of each c0 and c1. A tree of depth one, because the
 * share-once rule needs the hash of every c1 by itself.
 */
export function hashAggregate(
  plan: Plan,
  prefixBytes: Uint8Array,
  ciphertexts: Uint8Array,
): { readonly hash: Uint8Array; readonly c1Hashes: readonly Uint8Array[] } {
  const { polynomial } = plan.bytes
  const leaves: Uint8Array[] = []
  const c1Hashes: Uint8Array[] = []
  for (let at = 0; at < ciphertexts.length; at += 2 * polynomial) {
    const c1Hash = sha256(ciphertexts.subarray(at + polynomial, at + 2 * polynomial))
    leaves.push(sha256(ciphertexts.subarray(at, at + polynomial)), c1Hash)
    c1Hashes.push(c1Hash)
  }
  if (new Set(c1Hashes.map(toHex)).size !== c1Hashes.length) {
    throw new FheError('duplicate-ciphertext', 'two ciphertexts of this aggregate have the same c1')
  }
  return { hash: hash('aggregate', prefixBytes, ...leaves), c1Hashes }
}

function prefix(
  frame: RoundFrame,
  type: 'update' | 'aggregate' | 'decryption share',
  sender: number,
  ...fields: readonly Uint8Array[]
): Uint8Array {
  const writer = new ByteWriter().bytes(
    encodeHeader({ type, sender, context: frame.context, planHash: frame.plan.hash }),
  )
  for (const field of fields) writer.bytes(field)
  return writer.finish()
}

function readParmsId(reader: ByteReader, plan: Plan): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'parms_id'), dataParmsId(plan.set))) {
    throw new FheError('wrong-parms-id', 'these ciphertexts belong to other encryption parameters')
  }
}

function readKey(reader: ByteReader, frame: RoundFrame): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'key hash'), frame.collectiveKeyHash)) {
    throw new FheError('wrong-key', 'this message belongs to another collective key')
  }
}
