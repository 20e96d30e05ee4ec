// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes, scryptSync } from 'node:crypto'
import { inspect } from 'node:util'
import { StoreError } from './errors.ts'
import { decrypt, encrypt, NONCE_BYTES, TAG_BYTES } from './xchacha.ts'

/** scrypt cost of a new folder: N = 2^17, r = 8, p = 1, as OWASP's password storage advice and ethers' keystore use. */
const DEFAULT_LOG2_N = 17
const SCRYPT_R = 8

export type KdfParameters = { readonly salt: Uint8Array; readonly log2N: number }

export function newKdfParameters(log2N: number = DEFAULT_LOG2_N): KdfParameters {
  return { salt: randomBytes(32), log2N }
}

/**
 * Encrypts values at rest with XChaCha20-Poly1305 under a key derived from the passphrase. The name of a value is authenticated with it, so
 * that nobody can swap two values in the file. Random 192-bit nonces do not collide.
 */
export class SecretBox {
  readonly #key: Uint8Array

  /** @throws StoreError BAD_INPUT for an empty passphrase or a cost outside 2^10 … 2^22. */
  constructor(passphrase: string, { salt, log2N }: KdfParameters) {
    if (passphrase.length === 0) throw new StoreError('BAD_INPUT', 'the passphrase is empty')
    if (!Number.isInteger(log2N) || log2N < 10 || log2N > 22) {
      throw new StoreError('BAD_INPUT', `scrypt cost 2^${log2N} is outside 2^10 to 2^22`)
    }
    const cost = 2 ** log2N
    this.#key = scryptSync(passphrase.normalize('NFKC'), salt, 32, {
      N: cost,
      r: SCRYPT_R,
      p: 1,
      maxmem: 256 * cost * SCRYPT_R,
    })
  }

  seal(name: string, value: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES)
    return Buffer.concat([nonce, encrypt(this.#key, nonce, new TextEncoder().encode(name), value)])
  }

  /** @throws StoreError WRONG_PASSPHRASE when the value does not authenticate under this key and name. */
  open(name: string, sealed: Uint8Array): Uint8Array {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) {
      throw new StoreError('CORRUPT', `the stored secret "${name}" is ${sealed.length} bytes: too short`)
    }
    const nonce = sealed.subarray(0, NONCE_BYTES)
    try {
      return decrypt(this.#key, nonce, new TextEncoder().encode(name), sealed.subarray(NONCE_BYTES))
    } catch {
      throw new StoreError('WRONG_PASSPHRASE', 'the passphrase does not open this data folder: check it and try again')
    }
  }

  /** Overwrites the key; the box is of no use afterwards. */
  destroy(): void {
    this.#key.fill(0)
  }

  toJSON(): string {
    return '[secret]'
  }

  toString(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
