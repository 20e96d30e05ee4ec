// SPDX-License-Identifier: GPL-3.0-or-later
// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3) over the ChaCha20-Poly1305 of OpenSSL, which is some ten times as
// fast as one in JavaScript: an epoch's key is hundreds of kilobytes, and opened several times a round.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { hchacha } from '@noble/ciphers/chacha.js'

export const NONCE_BYTES = 24
export const TAG_BYTES = 16

const CIPHER = 'chacha20-poly1305'
const OPTIONS = { authTagLength: TAG_BYTES }
const SIGMA = words(Buffer.from('expand 32-byte k'))

/**
 * Ciphertext and tag of `plaintext`.
 * @param key 32 bytes @param nonce 24 bytes, never twice under one key @param associated authenticated with it, not part of the result
 */
export function encrypt(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const subkey = subkeyOf(key, nonce)
  try {
    const cipher = createCipheriv(CIPHER, subkey, shortNonce(nonce), OPTIONS)
    cipher.setAAD(associated, { plaintextLength: plaintext.length })
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  } finally {
    subkey.fill(0)
  }
}

/**
 * The plaintext, in memory of its own.
 * @throws Error when ciphertext and tag do not match key, nonce and associated data; the output is then wiped
 */
export function decrypt(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array {
  const subkey = subkeyOf(key, nonce)
  try {
    const end = sealed.length - TAG_BYTES
    const decipher = createDecipheriv(CIPHER, subkey, shortNonce(nonce), OPTIONS)
    decipher.setAAD(associated, { plaintextLength: end })
    decipher.setAuthTag(sealed.subarray(end))
    const plaintext = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch (error) {
      plaintext.fill(0)
      throw error
    }
    // Not returned as a Buffer, whose `slice` is a view: a caller that copies a part and wipes the rest would wipe the copy.
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length)
  } finally {
    subkey.fill(0)
  }
}

/** HChaCha20 of the key and the first sixteen bytes of the nonce. */
function subkeyOf(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const keyWords = words(key)
  const subkey = new Uint32Array(8)
  hchacha(SIGMA, keyWords, words(nonce.subarray(0, 16)), subkey)
  keyWords.fill(0)
  return new Uint8Array(subkey.buffer)
}

/** Four zero bytes and the rest of the nonce. */
const shortNonce = (nonce: Uint8Array): Uint8Array => Buffer.concat([new Uint8Array(4), nonce.subarray(16)])

/** The bytes as 32-bit words, in a copy that is aligned. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}
