// SPDX-License-Identifier: GPL-3.0-or-later
// What a job and an answer look like to the queue's server: XChaCha20-Poly1305 under keys that it does not have, with the place of the
// message as associated data. A message counts at its own place alone: queue, lane, job and direction, and an answer for one sealed job.
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { JobError } from './errors.ts'

export const KEY_BYTES = 32
const VERSION = 1
const NONCE_BYTES = 24
const TAG_BYTES = 16
/** By how much sealing makes a message longer. */
export const SEALED_OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES
/** Of a job's seal, which its answer is bound to. */
const DIGEST_BYTES = 32

/** Where a message belongs. */
export type Place = {
  /** The operator's name for the queue. */
  readonly queue: string
  /** Kind of job; of proofs, also the circuit and the model. */
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

/** What makes a message count at its place alone. */
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
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const cipher = xchacha20poly1305(this.#keys[place.direction], nonce, placeBytes(place))
    const sealed = new Uint8Array(plain.length + SEALED_OVERHEAD)
    sealed[0] = VERSION
    sealed.set(nonce, 1)
    sealed.set(cipher.encrypt(plain), 1 + NONCE_BYTES)
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
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
    try {
      return xchacha20poly1305(this.#keys[place.direction], nonce, placeBytes(place)).decrypt(
        sealed.subarray(1 + NONCE_BYTES),
      )
    } catch (cause) {
      throw new JobError('NOT_SEALED', `${where} was not sealed for this place with the key of this queue`, { cause })
    }
  }
}

export function digestOf(sealed: Uint8Array): Uint8Array {
  return sha256(sealed)
}

/** Injective: every text goes in with its length, and the digest has one length. */
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
