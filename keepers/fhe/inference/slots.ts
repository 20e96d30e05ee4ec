// SPDX-License-Identifier: GPL-3.0-or-later
// N/2 real numbers as a polynomial that multiplies slot by slot: the canonical embedding of CKKS (Cheon, Kim, Kim, Song, ASIACRYPT
// 2017, section 3.2). Slot j is the value at ζ^(3^j), ζ = exp(iπ/N), SEAL's order.
import { FheError } from '../errors.ts'

/** The slots of one ring. N is the number of coefficients. */
export class Slots {
  readonly degree: number
  /** Numbers in a polynomial: N/2. */
  readonly count: number
  /** For slot j, the k with ζ^(2k + 1) = ζ^(3^j). */
  readonly #places: Uint32Array
  readonly #cosines: Float64Array
  readonly #sines: Float64Array

  /** @param degree A power of two, 4 or more. */
  constructor(degree: number) {
    this.degree = degree
    this.count = degree / 2
    this.#places = new Uint32Array(this.count)
    for (let j = 0, power = 1; j < this.count; j++, power = (3 * power) % (2 * degree))
      this.#places[j] = (power - 1) / 2
    this.#cosines = new Float64Array(2 * degree)
    this.#sines = new Float64Array(2 * degree)
    for (let k = 0; k < 2 * degree; k++) {
      this.#cosines[k] = Math.cos((Math.PI * k) / degree)
      this.#sines[k] = Math.sin((Math.PI * k) / degree)
    }
  }

  /**
   * The N coefficients of the polynomial that has these values in its slots, 0 in those beyond. No coefficient is larger than the
   * largest value. @throws FheError invalid-argument
   */
  encode(values: ArrayLike<number>): Float64Array<ArrayBuffer> {
    const { degree, count } = this
    if (values.length > count) {
      throw new FheError('invalid-argument', `${values.length} values for ${count} slots`, { field: 'values' })
    }
    const real = new Float64Array(degree)
    const imaginary = new Float64Array(degree)
    for (let j = 0; j < values.length; j++) {
      const place = this.#places[j]!
      real[place] = values[j]!
      // The conjugate of ζ^(2k + 1) is ζ^(2(N − 1 − k) + 1): real coefficients take the same value at both.
      real[degree - 1 - place] = values[j]!
    }
    this.#transform(real, imaginary, -1)
    const coefficients = new Float64Array(degree)
    for (let i = 0; i < degree; i++) {
      coefficients[i] = (real[i]! * this.#cosines[i]! + imaginary[i]! * this.#sines[i]!) / degree
    }
    return coefficients
  }

  /** The values in the first `length` slots of a polynomial with these N coefficients. */
  decode(coefficients: Float64Array, length: number): Float64Array {
    const { degree } = this
    const real = new Float64Array(degree)
    const imaginary = new Float64Array(degree)
    for (let i = 0; i < degree; i++) {
      real[i] = coefficients[i]! * this.#cosines[i]!
      imaginary[i] = coefficients[i]! * this.#sines[i]!
    }
    this.#transform(real, imaginary, 1)
    return Float64Array.from({ length }, (_, j) => real[this.#places[j]!]!)
  }

  /** out[k] = Σ_i in[i]·exp(±2πi·ik/N), in place: Cooley and Tukey, radix 2. */
  #transform(real: Float64Array, imaginary: Float64Array, sign: 1 | -1): void {
    const { degree } = this
    for (let i = 1, j = 0; i < degree; i++) {
      let bit = degree >> 1
      for (; j & bit; bit >>= 1) j ^= bit
      j ^= bit
      if (i >= j) continue
      ;[real[i], real[j]] = [real[j]!, real[i]!]
      ;[imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!]
    }
    for (let size = 2; size <= degree; size *= 2) {
      const [half, step] = [size / 2, (2 * degree) / size]
      for (let start = 0; start < degree; start += size) {
        for (let k = 0; k < half; k++) {
          const [low, high] = [start + k, start + k + half]
          const [c, s] = [this.#cosines[k * step]!, sign * this.#sines[k * step]!]
          const re = real[high]! * c - imaginary[high]! * s
          const im = real[high]! * s + imaginary[high]! * c
          real[high] = real[low]! - re
          imaginary[high] = imaginary[low]! - im
          real[low]! += re
          imaginary[low]! += im
        }
      }
    }
  }
}
