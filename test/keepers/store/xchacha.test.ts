// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { expect } from 'chai'
import { decrypt, encrypt } from '../../../keepers/store/xchacha.ts'

/** Bytes that look random and are the same in every run. */
const bytes = (name: string, length: number): Uint8Array =>
  createHash('shake256', { outputLength: Math.max(length, 1) })
    .update(name)
    .digest()
    .subarray(0, length)

describe('XChaCha20-Poly1305 of the store', () => {
  it('gives the published vector (draft-irtf-cfrg-xchacha-03, A.3.1)', () => {
    const run = (from: number, length: number) => Uint8Array.from({ length }, (_, i) => from + i)
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    const associated = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex')
    const sealed = Buffer.from(encrypt(run(0x80, 32), run(0x40, 24), associated, Buffer.from(text)))
    expect(sealed.subarray(0, 16).toString('hex')).to.equal('bd6d179d3e83d43b9576579493c0e939')
    expect(sealed.subarray(-16).toString('hex')).to.equal('c0875924c1c7987947deafd8780acf49')
  })

  it('is bit for bit what earlier releases sealed, and opens it', () => {
    for (const length of [0, 1, 15, 16, 64, 65, 100_003]) {
      // Unaligned, as a part of a larger buffer is.
      const [key, nonce] = [bytes(`key ${length}`, 33).subarray(1), bytes(`nonce ${length}`, 27).subarray(3)]
      const [value, name] = [bytes(`value ${length}`, length), bytes(`name ${length}`, length % 20)]
      const before = xchacha20poly1305(Uint8Array.from(key), Uint8Array.from(nonce), name).encrypt(value)
      expect(Buffer.from(encrypt(key, nonce, name, value)).equals(before), `${length} bytes`).to.equal(true)
      expect(Buffer.from(decrypt(key, nonce, name, before)).equals(value), `${length} bytes`).to.equal(true)
    }
  })

  it('opens to bytes whose parts outlive the wiping of the whole', () => {
    const parts = [bytes('key', 32), bytes('nonce', 24), bytes('name', 9)] as const
    const opened = decrypt(...parts, encrypt(...parts, Uint8Array.of(1, 2, 3)))
    const part = opened.slice(1)
    opened.fill(0)
    expect([...part]).to.deep.equal([2, 3])
  })

  it('refuses what was changed in a bit: key, nonce, name, ciphertext or tag', () => {
    const parts = [bytes('key', 32), bytes('nonce', 24), bytes('name', 9)] as const
    const sealed = encrypt(...parts, bytes('value', 50))
    expect(decrypt(...parts, sealed)).to.have.length(50)
    for (const [part, at] of [
      [0, 31],
      [1, 0],
      [1, 23],
      [2, 8],
      [3, 0],
      [3, 49],
      [3, 65],
    ] as const) {
      const changed = [...parts, sealed].map((part) => Uint8Array.from(part)) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ]
      changed[part][at]! ^= 1
      expect(() => decrypt(...changed), `part ${part}, byte ${at}`).to.throw()
    }
  })
})
