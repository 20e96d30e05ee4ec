// SPDX-License-Identifier: GPL-3.0-or-later
// One thread's work on one ciphertext: encrypt, compute a share, decode. The main thread has one core, and so has
// each worker of the pool.
import { ByteStream } from './byte-stream.ts'
import { FixedPoint } from './fixed-point.ts'
import type { Block } from './kernel/kernel.ts'
import { Kernel } from './kernel/kernel.ts'
import type { Plan } from './plan.ts'
import { type ClaimSeeds, ClaimSum, type ClaimSums, projectColumns } from './projection.ts'
import { RoundPolynomials } from './round-polynomial.ts'
import { Wire } from './wire.ts'
import { sumWords } from './wire-format.ts'

/** Random bytes of a binomial coefficient: six make 21 pairs of coins. */
const ERROR_BYTES = 6

/** Values of a decrypted ciphertext, one for each transmitted coefficient, and the largest magnitude among them. */
export type Values = { readonly values: Float64Array; readonly largest: number }

/**
 * A secret polynomial x and a public factor λ, to be multiplied with the round's polynomials: the masked λ_j·Σ f_i(α_j) for
 * a decryption share (λ is in it already), −s_i for an encryption.
 */
export type Product = {
  /** x over the data primes, 8·N·L bytes. */
  readonly secret: Uint8Array
  /** λ modulo each data prime. */
  readonly factors: readonly bigint[]
  /** 32 bytes from which the noise of every ciphertext is derived. Secret. */
  readonly noiseSeed: Uint8Array
  /** 32 bytes: the round's, public. */
  readonly roundSeed: Uint8Array
}

/** An open product: λ·x prepared for multiplication, the streams, and working memory. */
type OpenProduct = {
  readonly flooding: ByteStream
  readonly errors: ByteStream
  readonly roundSeed: Uint8Array
  readonly pairs: Block
  readonly factor: Block
  readonly noise: Block
  readonly random: Block
  readonly sums: Block
}

export class Core implements Disposable {
  readonly plan: Plan
  readonly kernel: Kernel
  readonly wire: Wire
  readonly polynomials: RoundPolynomials
  readonly #encoding: FixedPoint
  #product: OpenProduct | null = null
  #claim: ClaimSum | null = null

  private constructor(plan: Plan, kernel: Kernel) {
    this.plan = plan
    this.kernel = kernel
    this.wire = new Wire(kernel, plan.wire)
    this.polynomials = new RoundPolynomials(kernel)
    this.#encoding = new FixedPoint(plan.set, plan.scaleBits, Math.max(plan.clipBound, plan.weightAmplitude))
  }

  static async open(plan: Plan): Promise<Core> {
    return new Core(plan, await Kernel.open(plan))
  }

  /** Opens a product. Of the secret, only λ·x is kept, inside the kernel, until `closeProduct`. */
  openProduct({ secret, factors, noiseSeed, roundSeed }: Product): void {
    this.closeProduct()
    const { kernel } = this
    const pairs = kernel.allocate(2 * kernel.polynomialBytes)
    kernel.borrow([kernel.polynomialBytes], (x) => {
      kernel.write(x!, secret)
      for (const [l, factor] of factors.entries()) {
        const record = kernel.records[l]!
        kernel.calls.preparePairs(record, this.#pairsAt(pairs, l), kernel.residues(x!, l), factor, kernel.degree)
      }
    })
    const random = floodingBytes(this.plan)
    this.#product = {
      flooding: new ByteStream(noiseSeed, random, 'secret'),
      errors: new ByteStream(noiseSeed, ERROR_BYTES * kernel.degree, 'secret'),
      roundSeed,
      pairs,
      factor: kernel.allocate(kernel.polynomialBytes),
      noise: kernel.allocate(kernel.polynomialBytes),
      random: kernel.allocate(random),
      sums: kernel.allocate(16 * kernel.degree),
    }
  }

  /**
   * A decryption share of ciphertext number `index`, h = a·(λ·x) + e, written to `out` as far as it has room. The same product
   * has the same noise, the flooding e, for the same index, and no two indices share any.
   */
  share(index: number, out: Uint8Array): void {
    const product = this.#open()
    const { kernel } = this
    const { noise, random, sums, flooding } = product
    flooding.read(index, kernel.view(random))
    kernel.calls.floodingSums(sums.at, random.at, kernel.uniformBits, kernel.degree)
    this.#multiply(product, index, (record, at) => {
      kernel.calls.floodingResidues(record, at, sums.at, kernel.degree)
    })
    this.wire.narrow(noise, out)
  }

  /**
   * An encryption of N values as ciphertext number `index`, c0 = a·(λ·x) + e + m, written to `out` as far as it has room; e is
   * a fresh error, m the values at the plan's scale.
   */
  encrypt(index: number, values: Float64Array, out: Uint8Array): void {
    const product = this.#open()
    const { kernel } = this
    const { factor, noise, random, errors } = product
    errors.read(index, kernel.view({ at: random.at, length: ERROR_BYTES * kernel.degree }))
    this.#multiply(product, index, (record, at) => {
      kernel.calls.binomialResidues(record, at, random.at, kernel.degree)
    })
    this.encode(values, factor)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      kernel.calls.addInto(kernel.records[l]!, kernel.residues(noise, l), kernel.residues(factor, l), kernel.degree)
    }
    this.wire.narrow(noise, out)
  }

  /** Writes N values at the plan's scale to a polynomial: residues below their primes, not transformed. */
  encode(values: Float64Array, out: Block): void {
    this.#encoding.write(this.kernel, values, out)
  }

  /** Row sums of J·w over ciphertext `index`, w = c0 − a·(λ·x) being what the product's encryption of it holds; secret. */
  project(index: number, c0: Uint8Array, seed: Uint8Array): Uint8Array {
    const { pairs, factor, noise, roundSeed } = this.#open()
    const { kernel } = this
    const { calls, degree, logDegree } = kernel
    const polynomial = this.polynomials.at(roundSeed, index)
    kernel.view(noise).fill(0)
    this.wire.widen(c0, factor)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      const [record, a, product] = [kernel.records[l]!, kernel.residues(polynomial, l), kernel.residues(noise, l)]
      calls.maskedProduct(record, product, a, this.#pairsAt(pairs, l), product, degree)
      calls.inverse(record, product, logDegree)
      calls.subtractFrom(record, kernel.residues(factor, l), product, degree)
    }
    return projectColumns(kernel, seed, index, factor, c0.length / this.plan.wire.width)
  }

  /** Begins the sums of a claim, dropping any that were open. */
  openClaim(seeds: ClaimSeeds): void {
    this.closeClaim()
    this.#claim = new ClaimSum(this.kernel, this.wire, this.polynomials, seeds)
  }

  addToClaim(index: number, c0: Uint8Array): void {
    if (this.#claim === null) throw new Error('no claim is open')
    this.#claim.add(index, c0)
  }

  /** The sums over this thread's ciphertexts, or null when no claim is open. */
  closeClaim(): ClaimSums | null {
    const sums = this.#claim?.close() ?? null
    this.#claim = null
    return sums
  }

  /** Wipes the open product, if there is one. */
  closeProduct(): void {
    if (this.#product === null) return
    const { flooding, errors, pairs, factor, noise, random, sums } = this.#product
    for (const bytes of [flooding, errors]) bytes.close()
    for (const block of [pairs, factor, noise, random, sums]) this.kernel.release(block)
    this.#product = null
  }

  /** Values at the plan's scale from the sum of so many narrow polynomials, which is near a plaintext modulo Q. */
  decode(sums: Uint8Array, terms: number): Values {
    const { kernel, plan } = this
    const { calls, degree, dataPrimeCount } = kernel
    const count = sums.length / (8 * sumWords(plan.wire))
    // Public to the members, like all that the wire carries.
    return kernel.borrow([kernel.polynomialBytes, 8 * degree], (message, reals) => {
      this.wire.widenSum(sums, terms, message!)
      const inverseScale = 2 ** -plan.scaleBits
      calls.compose(kernel.records[0]!, dataPrimeCount, message!.at, 8 * degree, reals!.at, inverseScale, count)
      const values = new Float64Array(kernel.read(reals!, 8 * count).buffer)
      // Math.max keeps NaN, so that the caller notices it.
      let largest = 0
      for (const value of values) largest = Math.max(largest, Math.abs(value))
      return { values, largest }
    })
  }

  [Symbol.dispose](): void {
    this.closeProduct()
  }

  #open(): OpenProduct {
    if (this.#product === null) throw new Error('no product is open')
    return this.#product
  }

  /** noise ← a·(λ·x) + e as coefficients, `sample` writing the residues of e. */
  #multiply(product: OpenProduct, index: number, sample: (record: number, at: number) => void): void {
    const { kernel } = this
    const { pairs, noise, roundSeed } = product
    const polynomial = this.polynomials.at(roundSeed, index)
    for (let l = 0; l < kernel.dataPrimeCount; l++) {
      const record = kernel.records[l]!
      const at = kernel.residues(noise, l)
      sample(record, at)
      kernel.calls.forwardLazy(record, at, kernel.logDegree)
      const a = kernel.residues(polynomial, l)
      kernel.calls.maskedProduct(record, at, a, this.#pairsAt(pairs, l), at, kernel.degree)
      kernel.calls.inverse(record, at, kernel.logDegree)
    }
  }

  #pairsAt(pairs: Block, l: number): number {
    return pairs.at + 16 * this.kernel.degree * l
  }
}

/** Random bytes that the flooding of one ciphertext takes: three terms of 8 or 12 bytes a coefficient. */
function floodingBytes(plan: Pick<Plan, 'set' | 'flooding'>): number {
  return 3 * plan.set.degree * (plan.flooding.uniformBits > 64 ? 12 : 8)
}
