// SPDX-License-Identifier: GPL-3.0-or-later
// Products with a challenge J, in the kernel: J·w over ciphertexts, and the weights in Jᵀ·ρ that turn ciphertexts and shares into scalars.
// J is public: ternary, 144 rows, a column for each coefficient of an update, expanded from a seed.
import { ByteStream } from './byte-stream.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import { invert } from './kernel/layout.ts'
import type { RoundPolynomials } from './round-polynomial.ts'
import { CLAIM_REPEATS, PROJECTION_ROWS } from './sizes.ts'
import type { Wire } from './wire.ts'

/** Bytes of the columns of one ciphertext: two bits an entry. */
function columnBytes(degree: number): number {
  return (degree / 4) * PROJECTION_ROWS
}

/**
 * Row sums of J·w for the first `columns` coefficients of one ciphertext: 144 residues for each data prime. `w` are
 * coefficients, below their primes.
 */
export function projectColumns(kernel: Kernel, seed: Uint8Array, index: number, w: Block, columns: number): Uint8Array {
  const { calls, degree, dataPrimeCount } = kernel
  const length = columnBytes(degree)
  const stream = new ByteStream(seed, length, 'public')
  return kernel.borrow([length, 2048, 8 * PROJECTION_ROWS * dataPrimeCount], (bits, table, sums) => {
    stream.read(index, kernel.view(bits!))
    kernel.view(sums!).fill(0)
    for (let l = 0; l < dataPrimeCount; l++) {
      const at = sums!.at + 8 * PROJECTION_ROWS * l
      calls.project(kernel.records[l]!, at, bits!.at, kernel.residues(w, l), table!.at, columns, PROJECTION_ROWS)
    }
    return kernel.read(sums!)
  })
}

/** The parts of a claim, all public. */
export type ClaimSeeds = {
  /** Of J. */
  readonly projection: Uint8Array
  /** Of the round's polynomials. */
  readonly round: Uint8Array
  /** ρ: 144 residues for each repeat and data prime. */
  readonly rho: Uint8Array
}

/** Sums over ciphertexts: what Jᵀ·ρ takes c0 to, and what it takes a share f(α) to, through the round's polynomials. */
export type ClaimSums = {
  /** ⟨Jᵀρ, c0⟩ by repeat, then by data prime. */
  readonly constants: readonly bigint[]
  /** For each repeat and data prime, N residues; their inner product with f(α) in NTT form is ⟨Jᵀρ, a·f(α)⟩. */
  readonly weights: Uint8Array
}

/** A claim in the making, on one thread. */
export class ClaimSum {
  readonly #kernel: Kernel
  readonly #wire: Wire
  readonly #bits: ByteStream
  readonly #polynomials: RoundPolynomials
  readonly #round: Uint8Array
  readonly #tables: readonly Block[]
  readonly #weights: readonly Block[]
  readonly #constants: bigint[]

  constructor(kernel: Kernel, wire: Wire, polynomials: RoundPolynomials, seeds: ClaimSeeds) {
    this.#kernel = kernel
    this.#wire = wire
    this.#polynomials = polynomials
    this.#round = seeds.round
    const { calls, degree, dataPrimeCount } = kernel
    this.#bits = new ByteStream(seeds.projection, columnBytes(degree), 'public')
    const columns = CLAIM_REPEATS * dataPrimeCount
    this.#constants = new Array<bigint>(columns).fill(0n)
    this.#weights = Array.from({ length: columns }, () => kernel.allocate(8 * degree))
    for (const block of this.#weights) kernel.view(block).fill(0)
    this.#tables = Array.from({ length: columns }, () => kernel.allocate((PROJECTION_ROWS / 8) * 2048))
    const rho = new DataView(seeds.rho.buffer, seeds.rho.byteOffset, seeds.rho.length)
    kernel.borrow([8 * PROJECTION_ROWS], (scaled) => {
      for (const [column, table] of this.#tables.entries()) {
        const p = kernel.primes[column % dataPrimeCount]!
        // ⟨v, x⟩ is the constant coefficient of v(1/X)·x, which is the mean of the values that the transforms have.
        const share = invert(BigInt(degree), p)
        const view = new DataView(calls.memory.buffer, scaled!.at)
        for (let row = 0; row < PROJECTION_ROWS; row++) {
          const factor = rho.getBigUint64(8 * (PROJECTION_ROWS * column + row), true)
          view.setBigUint64(8 * row, (factor * share) % p, true)
        }
        calls.subsetSums(this.#record(column), table.at, scaled!.at, PROJECTION_ROWS)
      }
    })
  }

  /** Takes in c0 of ciphertext `index`, narrow. */
  add(index: number, c0: Uint8Array): void {
    const kernel = this.#kernel
    const { calls, degree, logDegree, dataPrimeCount } = kernel
    const lengths = [columnBytes(degree), kernel.polynomialBytes, 8 * degree]
    kernel.borrow(lengths, (bits, ciphertext, v) => {
      this.#bits.read(index, kernel.view(bits!))
      const a = this.#polynomials.at(this.#round, index)
      this.#wire.widen(c0, ciphertext!)
      for (let l = 0; l < dataPrimeCount; l++) {
        calls.forward(kernel.records[l]!, kernel.residues(ciphertext!, l), logDegree)
      }
      const columns = c0.length / this.#wire.format.width
      for (const [column, weights] of this.#weights.entries()) {
        const record = this.#record(column)
        const l = column % dataPrimeCount
        calls.weigh(record, v!.at, bits!.at, this.#tables[column]!.at, degree, columns, PROJECTION_ROWS)
        calls.forward(record, v!.at, logDegree)
        const constant = calls.innerProduct(record, v!.at, kernel.residues(ciphertext!, l), degree)
        this.#constants[column] = (this.#constants[column]! + BigInt.asUintN(64, constant)) % kernel.primes[l]!
        calls.multiplyAdd(record, weights.at, v!.at, kernel.residues(a, l), degree)
      }
    })
  }

  /** Gives the sums and lets go of the memory. */
  close(): ClaimSums {
    const kernel = this.#kernel
    const weights = new Uint8Array(Buffer.concat(this.#weights.map((block) => kernel.read(block))))
    for (const block of [...this.#weights, ...this.#tables]) kernel.release(block)
    return { constants: this.#constants, weights }
  }

  #record(column: number): number {
    return this.#kernel.records[column % this.#kernel.dataPrimeCount]!
  }
}

/** ⟨weights, f⟩ for each repeat and data prime, f a polynomial in NTT form at the beginning of `share`. */
export function weighShare(kernel: Kernel, sums: ClaimSums, share: Uint8Array): bigint[] {
  const { calls, degree, dataPrimeCount } = kernel
  return kernel.borrow([kernel.polynomialBytes, 8 * degree], (f, weights) => {
    kernel.write(f!, share.subarray(0, kernel.polynomialBytes))
    return sums.constants.map((_, column) => {
      kernel.write(weights!, sums.weights.subarray(8 * degree * column, 8 * degree * (column + 1)))
      const l = column % dataPrimeCount
      const product = calls.innerProduct(kernel.records[l]!, weights!.at, kernel.residues(f!, l), degree)
      return BigInt.asUintN(64, product)
    })
  })
}
