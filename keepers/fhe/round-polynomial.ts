// SPDX-License-Identifier: GPL-3.0-or-later
// The second half of every ciphertext of a round: a polynomial that nobody chooses and nobody sends.
import { ByteStream } from './byte-stream.ts'
import { ByteWriter, hash } from './encoding.ts'
import { contextBytes } from './header.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import type { RoundContext } from './types.ts'

/**
 * The seed of a round's polynomials, 32 bytes. Polynomial `index` is read from the stream that AES-256-CTR under this seed
 * gives, as FrodoKEM expands its matrix (256 bits here, since two rounds with one seed would be fatal): 64-bit little-endian words, N + N/64 of them for each data prime in turn, each
 * masked to the prime's bits and dropped when not below it; index after index without a gap. Read as NTT values: uniform
 * there is uniform.
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

/** Bytes of the stream that one prime takes: N/64 words more than it needs, of which one in 2^38 is dropped. */
export function streamBytes(degree: number): number {
  return 8 * (degree + (degree >> 6))
}

/** out ← polynomial `index` of the stream `words`, whose items have `streamBytes`. `room` has as many. */
export function expandPolynomial(kernel: Kernel, words: ByteStream, index: number, room: Block, out: Block): void {
  const { calls, degree, dataPrimeCount } = kernel
  for (let l = 0; l < dataPrimeCount; l++) {
    words.read(dataPrimeCount * index + l, kernel.view(room))
    const found = calls.uniformResidues(kernel.records[l]!, kernel.residues(out, l), room.at, room.length / 8, degree)
    if (found < degree) throw new Error('the stream of a round polynomial ran out of words')
  }
}

/** Polynomial `index` of a round, 8·N·L bytes. Public. */
export function roundPolynomial(kernel: Kernel, seed: Uint8Array, index: number): Uint8Array {
  const length = streamBytes(kernel.degree)
  return kernel.borrow([length, kernel.polynomialBytes], (room, out) => {
    expandPolynomial(kernel, new ByteStream(seed, length, 'public'), index, room!, out!)
    return kernel.read(out!)
  })
}
