// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomials to and from what of them travels, in the kernel.
import type { Block, Kernel } from './kernel/kernel.ts'
import { powMod } from './parameters.ts'
import { sumWords, type WireFormat } from './wire-format.ts'

/** A read of the last item may reach so far beyond it. */
const SLACK_BYTES = 8

/** Conversions for one kernel. */
export class Wire {
  readonly format: WireFormat
  readonly #kernel: Kernel
  /** 2^droppedBits modulo each data prime. */
  readonly #factors: readonly bigint[]
  /** The largest coefficient on the wire, in whole words. */
  readonly #largest: Block
  readonly #modulus: bigint

  constructor(kernel: Kernel, format: WireFormat) {
    this.format = format
    this.#kernel = kernel
    const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
    this.#modulus = primes.reduce((product, p) => product * p, 1n)
    this.#factors = primes.map((p) => powMod(2n, BigInt(format.droppedBits), p))
    const words = Math.ceil(format.width / 8)
    const largest = (this.#modulus - 1n) >> BigInt(format.droppedBits)
    this.#largest = kernel.allocate(8 * words)
    const bytes = new DataView(new ArrayBuffer(8 * words))
    for (let i = 0; i < words; i++) bytes.setBigUint64(8 * i, BigInt.asUintN(64, largest >> BigInt(64 * i)), true)
    kernel.write(this.#largest, new Uint8Array(bytes.buffer))
  }

  /** Writes the first coefficients of a polynomial (residues below their primes, not transformed) to `out`. */
  narrow(polynomial: Block, out: Uint8Array): void {
    const { calls, records, dataPrimeCount, degree } = this.#kernel
    const { width, droppedBits } = this.format
    this.#kernel.borrow([out.length + SLACK_BYTES], (room) => {
      const stride = 8 * degree
      calls.narrow(records[0]!, dataPrimeCount, polynomial.at, stride, room!.at, out.length / width, droppedBits, width)
      out.set(this.#kernel.view(room!).subarray(0, out.length))
    })
  }

  /** Reads coefficients to the beginning of a polynomial, the rest being 0: residues below their primes, not transformed. */
  widen(coefficients: Uint8Array, polynomial: Block): void {
    this.#widen(coefficients, this.format.width, 1, polynomial)
  }

  /** The same for the sum of so many, in whole words. */
  widenSum(sums: Uint8Array, terms: number, polynomial: Block): void {
    this.#widen(sums, 8 * sumWords(this.format), terms, polynomial)
  }

  /** Whether all coefficients are those of a polynomial modulo Q. */
  inRange(coefficients: Uint8Array): boolean {
    return this.#atMost(coefficients, this.format.width, this.#largest)
  }

  /** Whether all sums can be sums of so many coefficients. */
  sumsInRange(sums: Uint8Array, terms: number): boolean {
    const words = sumWords(this.format)
    const most = ((this.#modulus - 1n) >> BigInt(this.format.droppedBits)) * BigInt(terms)
    return this.#kernel.borrow([8 * words], (limit) => {
      const view = new DataView(this.#kernel.calls.memory.buffer, limit!.at, limit!.length)
      for (let i = 0; i < words; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, most >> BigInt(64 * i)), true)
      return this.#atMost(sums, 8 * words, limit!)
    })
  }

  /** sums ← sums + coefficients, whatever these are. */
  add(sums: Uint8Array, coefficients: Uint8Array): void {
    const { width } = this.format
    this.#kernel.borrow([sums.length, coefficients.length + SLACK_BYTES], (total, input) => {
      this.#kernel.write(total!, sums)
      this.#kernel.write({ at: input!.at, length: coefficients.length }, coefficients)
      const count = coefficients.length / width
      this.#kernel.calls.addNarrow(total!.at, sumWords(this.format), input!.at, count, width)
      sums.set(this.#kernel.view(total!))
    })
  }

  /** sums ← sums + other sums, each in whole words. */
  addSums(sums: Uint8Array, others: Uint8Array): void {
    const words = sumWords(this.format)
    this.#kernel.borrow([sums.length, others.length + SLACK_BYTES], (total, input) => {
      this.#kernel.write(total!, sums)
      this.#kernel.write({ at: input!.at, length: others.length }, others)
      this.#kernel.calls.addNarrow(total!.at, words, input!.at, others.length / (8 * words), 8 * words)
      sums.set(this.#kernel.view(total!))
    })
  }

  #widen(items: Uint8Array, width: number, terms: number, polynomial: Block): void {
    const { calls, records, dataPrimeCount } = this.#kernel
    const { droppedBits } = this.format
    const count = items.length / width
    // Half of what was dropped, for each term.
    const offset = droppedBits === 0 ? 0n : BigInt(terms) << BigInt(droppedBits - 1)
    this.#kernel.view(polynomial).fill(0)
    this.#kernel.borrow([items.length + SLACK_BYTES], (room) => {
      this.#kernel.write({ at: room!.at, length: items.length }, items)
      for (let l = 0; l < dataPrimeCount; l++) {
        const out = this.#kernel.residues(polynomial, l)
        const p = this.#kernel.primes[l]!
        calls.widen(records[l]!, out, room!.at, count, width, this.#factors[l]!, offset % p)
      }
    })
  }

  #atMost(items: Uint8Array, width: number, limit: Block): boolean {
    return this.#kernel.borrow([items.length + SLACK_BYTES], (room) => {
      this.#kernel.write({ at: room!.at, length: items.length }, items)
      return this.#kernel.calls.allAtMost(room!.at, items.length / width, width, limit.at) === 1
    })
  }
}
