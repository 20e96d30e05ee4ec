// SPDX-License-Identifier: GPL-3.0-or-later
// A sealed message counts at its own place alone. Each attack is also made on a seal that lacks the defence, where it succeeds.
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { expect } from 'chai'
import { JobError } from '../../../keepers/jobs/index.ts'
import { digestOf, JobSeal, type Place, SEALED_OVERHEAD, type Sealing } from '../../../keepers/jobs/seal.ts'

const KEY = new Uint8Array(32).fill(1)
const ID = '00'.repeat(16)
const PLAIN = new TextEncoder().encode('a slice of a batch')
const job: Place = { queue: 'q', lane: 'gradients', id: ID, direction: 'job' }

/** One key for everything, and no associated data. */
class Unbound implements Sealing {
  seal(plain: Uint8Array): Uint8Array {
    const nonce = crypto.getRandomValues(new Uint8Array(24))
    return new Uint8Array([1, ...nonce, ...xchacha20poly1305(KEY, nonce).encrypt(plain)])
  }

  open(sealed: Uint8Array): Uint8Array {
    return xchacha20poly1305(KEY, sealed.subarray(1, 25)).decrypt(sealed.subarray(25))
  }
}

function refusedBy(sealing: Sealing, sealed: Uint8Array, place: Place): boolean {
  try {
    sealing.open(sealed, place)
    return false
  } catch (error) {
    if (error instanceof JobError) expect(error.code).to.equal('NOT_SEALED')
    return true
  }
}

describe('the seal of jobs', () => {
  const seal = new JobSeal(KEY)
  const sealed = seal.seal(PLAIN, job)

  it('opens where it was sealed for, hides the message and adds 41 bytes', () => {
    expect(new Uint8Array(new JobSeal(KEY).open(sealed, job))).to.deep.equal(PLAIN)
    expect([SEALED_OVERHEAD, sealed.length]).to.deep.equal([41, PLAIN.length + 41])
    expect(Buffer.from(sealed).includes(Buffer.from(PLAIN))).to.equal(false)
    expect(seal.seal(PLAIN, job)).to.not.deep.equal(sealed)
  })

  it('is XChaCha20-Poly1305, as another implementation has it, under a key for each direction', () => {
    const text = (word: string) => Buffer.concat([Buffer.from([word.length, 0]), Buffer.from(word)])
    const place = Buffer.concat([...['job', 'q', 'gradients', ID].map(text), Buffer.alloc(32)])
    const key = hkdf(sha256, KEY, undefined, new TextEncoder().encode('cohort/jobs/1/job'), 32)
    for (const length of [0, 1, 63, 64, 65, 100_000]) {
      const plain = Uint8Array.from({ length }, (_, i) => (i * 7) % 251)
      const message = seal.seal(plain, job)
      expect(Buffer.compare(seal.open(Buffer.from(message), job), plain)).to.equal(0)
      const cipher = xchacha20poly1305(key, message.slice(1, 25), place)
      expect(Buffer.compare(cipher.decrypt(message.slice(25)), plain)).to.equal(0)
      expect(Buffer.compare(cipher.encrypt(plain), message.slice(25))).to.equal(0)
    }
  })

  it('refuses every place but its own, which a seal without binding takes', () => {
    const unbound = new Unbound()
    const loose = unbound.seal(PLAIN)
    const places: Place[] = [
      { ...job, queue: 'p' },
      { ...job, lane: 'claims' },
      { ...job, id: '11'.repeat(16) },
      // The same letters, cut elsewhere.
      { ...job, queue: 'qg', lane: 'radients' },
      { ...job, direction: 'answer', job: digestOf(sealed) },
    ]
    for (const place of places) {
      expect(refusedBy(seal, sealed, place), JSON.stringify(place)).to.equal(true)
      expect(refusedBy(unbound, loose, place)).to.equal(false)
    }
  })

  it('refuses the answer to another sealed job, even of the same name', () => {
    const again = seal.seal(PLAIN, job)
    const place = { queue: 'q', lane: 'gradients', id: ID, direction: 'answer' } as const
    const answer = seal.seal(PLAIN, { ...place, job: digestOf(sealed) })
    expect(refusedBy(seal, answer, { ...place, job: digestOf(sealed) })).to.equal(false)
    expect(refusedBy(seal, answer, { ...place, job: digestOf(again) })).to.equal(true)
  })

  it('refuses each altered byte, each shorter message and every other key', () => {
    for (let i = 0; i < sealed.length; i++) {
      const altered = sealed.slice()
      altered[i]! ^= 1
      expect(refusedBy(seal, altered, job), `byte ${i}`).to.equal(true)
      expect(refusedBy(seal, sealed.subarray(0, i), job), `${i} bytes`).to.equal(true)
    }
    expect(refusedBy(new JobSeal(new Uint8Array(32).fill(2)), sealed, job)).to.equal(true)
    expect(() => new JobSeal(new Uint8Array(16))).to.throw(JobError, /16 bytes, 32 are needed/)
  })
})
