// SPDX-License-Identifier: GPL-3.0-or-later
// The messages of key generation: sealed Shamir shares, the dealing that names them, and the secret that stays at home.
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { contextBytes, encodeHeader, readHeader } from './header.ts'
import { dataPrimes } from './parameters.ts'
import type { Plan } from './plan.ts'
import { Secret } from './secret.ts'
import { DEALING_REPEATS, DEALING_SEED_BYTES } from './sizes.ts'
import type { EpochContext } from './types.ts'

/** The fields that all messages of one key generation share. */
export type KeyGenerationFrame = {
  readonly plan: Plan
  readonly context: EpochContext
  readonly rosterHash: Uint8Array
  /** 32 bytes. */
  readonly crs: Uint8Array
}

/** The digests of the sealed shares, by receiver, and h: its forward differences at 0 by repeat, then by data prime. */
export type Dealing = { readonly digests: readonly Uint8Array[]; readonly h: readonly (readonly bigint[])[] }

/** header · roster hash · crs · digest of each sealed share, by receiver · the differences of h, repeats and primes within each */
export function encodeDealing(frame: KeyGenerationFrame, sender: number, { digests, h }: Dealing): Uint8Array {
  const writer = new ByteWriter()
    .bytes(encodeHeader({ type: 'dealing', sender, context: frame.context, planHash: frame.plan.hash }))
    .bytes(frame.rosterHash)
    .bytes(frame.crs)
  for (const digest of digests) writer.bytes(digest)
  for (const difference of h) for (const residue of difference) writer.u64(residue)
  return writer.finish()
}

export function decodeDealing(frame: KeyGenerationFrame, sender: number, bytes: Uint8Array): Dealing {
  const what = `dealing of member ${sender}`
  const reader = new ByteReader(bytes, what)
  readHeader(reader, { type: 'dealing', sender, context: frame.context, planHash: frame.plan.hash })
  readRoster(reader, frame, what)
  readReferenceString(reader, frame, what, sender)
  const digests = Array.from({ length: frame.plan.members }, (_, j) =>
    reader.bytes(HASH_BYTES, `digest of the share sealed to member ${j}`),
  )
  const primes = dataPrimes(frame.plan.set)
  const columns = Array.from({ length: DEALING_REPEATS }, () => primes).flat()
  const h = Array.from({ length: frame.plan.threshold }, (_, k) =>
    columns.map((prime, column) => {
      const residue = reader.u64(`coefficient ${k} of the check`)
      if (residue < prime) return residue
      throw new FheError(
        'coefficient-out-of-range',
        `${what}: coefficient ${k} of the check, column ${column}, is not below its prime`,
        { sender, public: true },
      )
    }),
  )
  reader.end()
  return { digests, h }
}

/**
 * The hash that all members confirm: SHA-256 over plan, context, roster, reference string and every dealing. Members with the same
 * hash hold shares of the same dealings, and expand the same polynomials in every round.
 */
export function keyHashOf(frame: KeyGenerationFrame, dealings: readonly Uint8Array[]): Uint8Array {
  const { chainId, service, epoch } = frame.context
  const head = [frame.plan.hash, contextBytes({ chainId, service, epoch }), frame.rosterHash, frame.crs]
  return hash('epoch key', ...head, ...dealings.map((dealing) => hash('dealing', dealing)))
}

/** Digits of s_i · seed of the dealing · digest of the member's own dealing: kept between the steps of key generation. */
export function encodeMemberSecret(digits: Uint8Array, seed: Uint8Array, dealing: Uint8Array): Secret {
  return Secret.take(new ByteWriter().bytes(digits).bytes(seed).bytes(hash('dealing', dealing)).finish())
}

/** Lends the digits of s_i with the seed of the dealing after them. Throws 'invalid-argument' unless the secret is the one that `dealing` deals. */
export function openMemberSecret<T>(
  frame: KeyGenerationFrame,
  secret: Secret,
  dealing: Uint8Array,
  use: (own: Uint8Array) => T,
): T {
  return secret.reveal((bytes) => {
    const length = frame.plan.set.degree + DEALING_SEED_BYTES
    const fits = bytes.length === frame.plan.bytes.memberSecret
    if (!fits || !equalBytes(bytes.subarray(length), hash('dealing', dealing))) {
      throw new FheError('invalid-argument', 'secret is not the one behind our own dealing', { field: 'secret' })
    }
    return use(bytes.subarray(0, length))
  })
}

/**
 * The data that a sealed share is bound to: header · roster hash · crs · receiver. It is also the message's beginning. Without the
 * reference string, an attacker could present a share of one key generation in another one of the same epoch, as after a reorganisation,
 * beside a forged check that it fails. Its receiver would complain, and so reveal a share of a key in use.
 */
export function sealedShareBinding(frame: KeyGenerationFrame, sender: number, receiver: number): Uint8Array {
  return new ByteWriter()
    .bytes(encodeHeader({ type: 'sealed share', sender, context: frame.context, planHash: frame.plan.hash }))
    .bytes(frame.rosterHash)
    .bytes(frame.crs)
    .u16(receiver)
    .finish()
}

/** header · roster hash · crs · receiver · sealed bytes */
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
  readReferenceString(reader, frame, what, sender)
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

function readReferenceString(reader: ByteReader, frame: KeyGenerationFrame, what: string, sender: number): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'crs'), frame.crs)) {
    throw new FheError('malformed-message', `${what} was made with another reference string`, { sender })
  }
}
