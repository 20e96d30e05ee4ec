// SPDX-License-Identifier: GPL-3.0-or-later
// The second half of every ciphertext of a round: a polynomial that all members derive from the round, so that no one can choose it.
import { ByteStream } from './byte-stream.ts'
import { ByteWriter, equalBytes, hash } from './encoding.ts'
import { contextBytes } from './header.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import type { RoundContext } from './types.ts'

/**
 * The seed of a round's polynomials, 32 bytes. Polynomial `index` is read from the stream that AES-256-CTR under this seed
 * gives, as FrodoKEM expands its matrix (256 bits here, since two rounds with one seed would be fatal): 64-bit little-endian words, N +
 * N/64 of them for each data prime in turn, each masked to the prime's bits and dropped when not below it; index after index without a gap.
 * Read as NTT values: uniform there is uniform.
 *
 * The key hash covers the reference string, which nobody knew before the members were fixed, and all that they dealt. A
 * member could try dealings to see many a seed: that makes it choose among uniform polynomials, which helps nobody.
 */
export function roundSeed(planHash: Uint8Array, keyHash: Uint8Array, context: RoundContext): Uint8Array {
  return hash(
    'round polynomials',
    new ByteWriter().bytes(contextBytes(context)).bytes(planHash).bytes(keyHash).finish(),
  )
}

/** Bytes of the stream that one prime takes: N/64 spare words, since one word in 2^38 is dropped. */
export function streamBytes(degree: number): number {
  return 8 * (degree + (degree >> 6))
}

/** How many polynomials of a round one thread keeps: 16 MB of the default ring, enough for half a million parameters. */
const KEPT = 128

/**
 * The polynomials of one round at a time. A member multiplies with them when it encrypts, when it proves and checks that
 * updates are short, and when it gives its share: the first ones are expanded once. They are public, so nothing is wiped.
 */
export class RoundPolynomials {
  readonly #kernel: Kernel
  readonly #kept: Block[] = []
  readonly #known: boolean[] = []
  readonly #other: Block
  #seed: Uint8Array | null = null
  #words: ByteStream | null = null

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#other = kernel.allocate(kernel.polynomialBytes)
  }

  /** Polynomial `index` of the round with this seed, residues below their primes. Read it before the next call, and do not write. */
  at(seed: Uint8Array, index: number): Block {
    if (this.#seed === null || !equalBytes(this.#seed, seed)) {
      this.#words?.close()
      this.#seed = seed.slice()
      this.#words = new ByteStream(seed, streamBytes(this.#kernel.degree), 'public')
      this.#known.length = 0
    }
    if (index >= KEPT) return this.#expand(index, this.#other)
    while (this.#kept.length <= index) this.#kept.push(this.#kernel.allocate(this.#kernel.polynomialBytes))
    const block = this.#kept[index]!
    if (this.#known[index] !== true) {
      this.#expand(index, block)
      this.#known[index] = true
    }
    return block
  }

  #expand(index: number, out: Block): Block {
    expandPolynomial(this.#kernel, this.#words!, index, out)
    return out
  }
}

/** Polynomial `index` of a round, 8·N·L bytes. Public. */
export function roundPolynomial(kernel: Kernel, seed: Uint8Array, index: number): Uint8Array {
  return kernel.borrow([kernel.polynomialBytes], (out) => {
    expandPolynomial(kernel, new ByteStream(seed, streamBytes(kernel.degree), 'public'), index, out!)
    return kernel.read(out!)
  })
}

/** out ← polynomial `index` of the stream `words`, in items of `streamBytes`. */
function expandPolynomial(kernel: Kernel, words: ByteStream, index: number, out: Block): void {
  const { calls, degree, dataPrimeCount } = kernel
  kernel.borrow([streamBytes(degree)], (room) => {
    for (let l = 0; l < dataPrimeCount; l++) {
      words.read(dataPrimeCount * index + l, kernel.view(room!))
      const found = calls.uniformResidues(
        kernel.records[l]!,
        kernel.residues(out, l),
        room!.at,
        room!.length / 8,
        degree,
      )
      if (found < degree) throw new Error('the stream of a round polynomial ran out of words')
    }
  })
}
