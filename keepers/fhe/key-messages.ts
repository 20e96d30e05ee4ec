// SPDX-License-Identifier: GPL-3.0-or-later
// The three messages of key generation: commitment, public-key share, sealed Shamir share.
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { encodeHeader, readHeader } from './header.ts'
import type { Plan } from './plan.ts'
import type { EpochContext } from './types.ts'

/** What every message of one key generation has in common. */
export type KeyGenerationFrame = {
  readonly plan: Plan
  readonly context: EpochContext
  readonly rosterHash: Uint8Array
  /** 32 bytes. */
  readonly crs: Uint8Array
}

/** header · SHA-256 of the sender's public-key share message */
export function encodeCommitment(frame: KeyGenerationFrame, sender: number, publicKeyShare: Uint8Array): Uint8Array {
  return new ByteWriter()
    .bytes(encodeHeader({ type: 'key commitment', sender, context: frame.context, planHash: frame.plan.hash }))
    .bytes(commitmentDigest(publicKeyShare))
    .finish()
}

/** The digest inside a commitment. */
export function decodeCommitment(frame: KeyGenerationFrame, sender: number, bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes, `key commitment of member ${sender}`)
  readHeader(reader, { type: 'key commitment', sender, context: frame.context, planHash: frame.plan.hash })
  const digest = reader.bytes(HASH_BYTES, 'digest')
  reader.end()
  return digest
}

export function commitmentDigest(publicKeyShare: Uint8Array): Uint8Array {
  return hash('key commitment', publicKeyShare)
}

/** header · roster hash · crs · digest of each sealed share, by receiver · b_i over all primes */
export function encodePublicKeyShare(
  frame: KeyGenerationFrame,
  sender: number,
  sealedShares: readonly Uint8Array[],
  b: Uint8Array,
): Uint8Array {
  const writer = new ByteWriter()
    .bytes(encodeHeader({ type: 'public key share', sender, context: frame.context, planHash: frame.plan.hash }))
    .bytes(frame.rosterHash)
    .bytes(frame.crs)
  for (const sealed of sealedShares) writer.bytes(sealedShareDigest(sealed))
  return writer.bytes(b).finish()
}

/** Views into the message. Residues are the caller's to check. */
export function decodePublicKeyShare(
  frame: KeyGenerationFrame,
  sender: number,
  bytes: Uint8Array,
): { readonly sealedDigests: readonly Uint8Array[]; readonly b: Uint8Array } {
  const what = `public key share of member ${sender}`
  const reader = new ByteReader(bytes, what)
  readHeader(reader, { type: 'public key share', sender, context: frame.context, planHash: frame.plan.hash })
  readRoster(reader, frame, what)
  if (!equalBytes(reader.bytes(HASH_BYTES, 'crs'), frame.crs)) {
    throw new FheError('malformed-message', `${what} was made with another common reference string`, { sender })
  }
  const sealedDigests = Array.from({ length: frame.plan.members }, (_, j) =>
    reader.bytes(HASH_BYTES, `digest of the share sealed to member ${j}`),
  )
  const b = reader.bytes(frame.plan.bytes.keyPolynomial, 'b')
  reader.end()
  return { sealedDigests, b }
}

/** What a sealed share is bound to: header · roster hash · receiver. It is also the message's beginning. */
export function sealedShareBinding(frame: KeyGenerationFrame, sender: number, receiver: number): Uint8Array {
  return new ByteWriter()
    .bytes(encodeHeader({ type: 'sealed share', sender, context: frame.context, planHash: frame.plan.hash }))
    .bytes(frame.rosterHash)
    .u16(receiver)
    .finish()
}

/** header · roster hash · receiver · sealed bytes */
export function encodeSealedShare(binding: Uint8Array, sealed: Uint8Array): Uint8Array {
  return new ByteWriter().bytes(binding).bytes(sealed).finish()
}

/** The sealed bytes inside. */
export function decodeSealedShare(
  frame: KeyGenerationFrame,
  sender: number,
  receiver: number,
  bytes: Uint8Array,
): Uint8Array {
  const what = `share sealed by member ${sender}`
  const reader = new ByteReader(bytes, what)
  readHeader(reader, { type: 'sealed share', sender, context: frame.context, planHash: frame.plan.hash })
  readRoster(reader, frame, what)
  const found = reader.u16('receiver')
  if (found !== receiver) {
    throw new FheError('wrong-receiver', `${what} is for member ${found}, not ${receiver}`, { found, receiver })
  }
  const sealed = reader.bytes(frame.plan.bytes.sealedShare - reader.offset, 'sealed bytes')
  reader.end()
  return sealed
}

export function sealedShareDigest(sealedShare: Uint8Array): Uint8Array {
  return hash('sealed share', sealedShare)
}

function readRoster(reader: ByteReader, frame: KeyGenerationFrame, what: string): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'roster hash'), frame.rosterHash)) {
    throw new FheError('wrong-roster', `${what} was made for another list of members, or another order of it`)
  }
}
