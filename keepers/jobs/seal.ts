// SPDX-License-Identifier: GPL-3.0-or-later
// Seals jobs and answers against the queue's server, with XChaCha20-Poly1305 under keys that it does not have. The associated data are the place of the
// message: queue, lane, job and direction, and for an answer the sealed job. A message counts only at that place.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { hchacha } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { JobError } from './errors.ts'

export const KEY_BYTES = 32
const VERSION = 1
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** Bytes by which sealing makes a message longer. */
export const SEALED_OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES
/** Bytes of the digest of a sealed job, to which its answer is bound. */
const DIGEST_BYTES = 32

/** Where a message belongs. */
export type Place = {
  /** The operator's name for the queue. */
  readonly queue: string
  /** The kind of job; for proofs, also the circuit and the model. */
  readonly lane: string
  /** 32 hex digits, drawn by whoever submits the job. */
  readonly id: string
} & (
  | { readonly direction: 'job' }
  | {
      readonly direction: 'answer'
      /** SHA-256 of the sealed job. */
      readonly job: Uint8Array
    }
)

/** Seals and opens messages, so that each counts only at its place. */
export interface Sealing {
  seal(plain: Uint8Array, place: Place): Uint8Array
  /** @throws JobError NOT_SEALED */
  open(sealed: Uint8Array, place: Place): Uint8Array
}

/** The two keys of an operator's queue. A job never opens as an answer. */
export class JobSeal implements Sealing {
  readonly #keys: Readonly<Record<Place['direction'], Uint8Array>>

  /** @param key 32 bytes that the operator's machines share */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES)
      throw new JobError('BAD_CONFIG', `a key of ${key.length} bytes, ${KEY_BYTES} are needed`)
    const derive = (direction: Place['direction']) =>
      hkdf(sha256, key, undefined, new TextEncoder().encode(`cohort/jobs/1/${direction}`), KEY_BYTES)
    this.#keys = { job: derive('job'), answer: derive('answer') }
  }

  /** version 1 · nonce 24 · ciphertext · tag 16. Nonces are random: 2^-96 for 2^48 messages to repeat one. */
  seal(plain: Uint8Array, place: Place): Uint8Array {
    const sealed = new Uint8Array(plain.length + SEALED_OVERHEAD)
    sealed[0] = VERSION
    const nonce = crypto.getRandomValues(sealed.subarray(1, 1 + NONCE_BYTES))
    const { key, rest } = messageKey(this.#keys[place.direction], nonce)
    const cipher = createCipheriv('chacha20-poly1305', key, rest, { authTagLength: TAG_BYTES })
    cipher.setAAD(placeBytes(place), { plaintextLength: plain.length })
    sealed.set(cipher.update(plain), 1 + NONCE_BYTES)
    cipher.final()
    sealed.set(cipher.getAuthTag(), 1 + NONCE_BYTES + plain.length)
    key.fill(0)
    return sealed
  }

  /** @throws JobError NOT_SEALED unless it was sealed with this key, for exactly this place */
  open(sealed: Uint8Array, place: Place): Uint8Array {
    const where = `${place.direction} ${place.id} of ${place.lane}`
    if (sealed.length < SEALED_OVERHEAD || sealed[0] !== VERSION) {
      throw new JobError(
        'NOT_SEALED',
        `${where}: ${sealed.length} bytes are not a sealed message of version ${VERSION}`,
      )
    }
    const end = sealed.length - TAG_BYTES
    const { key, rest } = messageKey(this.#keys[place.direction], sealed.subarray(1, 1 + NONCE_BYTES))
    try {
      const cipher = createDecipheriv('chacha20-poly1305', key, rest, { authTagLength: TAG_BYTES })
      cipher.setAAD(placeBytes(place), { plaintextLength: end - 1 - NONCE_BYTES })
      cipher.setAuthTag(sealed.subarray(end))
      const plain = cipher.update(sealed.subarray(1 + NONCE_BYTES, end))
      // Checks the tag. Nothing of the message is used before that.
      cipher.final()
      return plain
    } catch (cause) {
      throw new JobError('NOT_SEALED', `${where} was not sealed for this place with the key of this queue`, { cause })
    } finally {
      key.fill(0)
    }
  }
}

/** "expand 32-byte k", the constant of ChaCha20. */
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

/**
 * XChaCha20 (draft-irtf-cfrg-xchacha-03, §2.2): HChaCha20 of the nonce's first 16 bytes gives a key for one message, which the platform's
 * ChaCha20-Poly1305 takes with the other 8. It is several times as fast as the same in JavaScript.
 */
function messageKey(key: Uint8Array, nonce: Uint8Array): { readonly key: Uint8Array; readonly rest: Uint8Array } {
  // Copied, because a Buffer and its slices are views of a larger memory.
  const words = (bytes: Uint8Array) => new Uint32Array(new Uint8Array(bytes).buffer)
  const out = new Uint32Array(KEY_BYTES / 4)
  hchacha(SIGMA, words(key), words(nonce.subarray(0, 16)), out)
  const rest = new Uint8Array(12)
  rest.set(nonce.subarray(16), 4)
  return { key: new Uint8Array(out.buffer), rest }
}

export function digestOf(sealed: Uint8Array): Uint8Array {
  return sha256(sealed)
}

/** Encodes a place. Injective, because every text goes in with its length, and the digest has a fixed length. */
function placeBytes(place: Place): Uint8Array {
  const texts = [place.direction, place.queue, place.lane, place.id].map((text) => new TextEncoder().encode(text))
  const job = place.direction === 'answer' ? place.job : new Uint8Array(DIGEST_BYTES)
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + 2 + length, DIGEST_BYTES))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const text of texts) {
    view.setUint16(at, text.length, true)
    bytes.set(text, at + 2)
    at += 2 + text.length
  }
  bytes.set(job, at)
  return bytes
}
