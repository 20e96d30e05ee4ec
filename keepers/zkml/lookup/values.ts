// SPDX-License-Identifier: GPL-3.0-or-later
// The values of wires while a witness is made: safe integers where they are, field elements elsewhere.
import { SCALAR_FIELD } from '../bn254.ts'
import { CircuitError } from '../circuit/errors.ts'
import type { Coefficient, Linear } from './linear.ts'

const HALF = SCALAR_FIELD >> 1n

export class Values {
  /** NaN where a wire holds no integer: nothing yet, or an element in `#fields`. */
  readonly #integers: Float64Array
  readonly #fields: (bigint | undefined)[] = []

  constructor(wires: number) {
    this.#integers = new Float64Array(wires).fill(Number.NaN)
  }

  set(wire: number, value: Coefficient): void {
    if (typeof value === 'number') this.#integers[wire] = value
    else this.#fields[wire] = value
  }

  /** 0 ≤ value < r. @throws CircuitError `witness-refused` for a wire that nothing has set. */
  wire(wire: number): bigint {
    const integer = this.#integers[wire]!
    if (!Number.isNaN(integer)) return integer < 0 ? SCALAR_FIELD + BigInt(integer) : BigInt(integer)
    const element = this.#fields[wire]
    if (element === undefined) throw new CircuitError('witness-refused', `wire ${wire} is read before it is computed`)
    return element
  }

  /** An expression with an integer value of at most 53 bits. @throws CircuitError `witness-refused` for another. */
  integer(x: Linear): number {
    const { wires, coefficients, constant } = x
    if (typeof constant === 'number') {
      let sum = constant
      let magnitude = Math.abs(constant)
      for (let i = 0; i < wires.length; i++) {
        const factor = coefficients[i]!
        const term = typeof factor === 'number' ? factor * this.#integers[wires[i]!]! : Number.NaN
        sum += term
        magnitude += Math.abs(term)
      }
      // Neither for NaN (an element, or a coefficient that is one) nor for sums that may have been rounded.
      if (magnitude <= Number.MAX_SAFE_INTEGER) return sum
    }
    const element = this.field(x)
    const centred = element > HALF ? element - SCALAR_FIELD : element
    const integer = Number(centred)
    if (!Number.isSafeInteger(integer))
      throw new CircuitError('witness-refused', `${centred} is not an integer of 53 bits`)
    return integer
  }

  /** 0 ≤ value < r. */
  field(x: Linear): bigint {
    let sum = BigInt(x.constant)
    for (let i = 0; i < x.wires.length; i++) sum += BigInt(x.coefficients[i]!) * this.wire(x.wires[i]!)
    const element = sum % SCALAR_FIELD
    return element < 0n ? element + SCALAR_FIELD : element
  }

  /** Writes a wire as 32 bytes, little endian. */
  write(wire: number, view: DataView, at: number): void {
    const integer = this.#integers[wire]!
    if (integer >= 0 && integer < 2 ** 32) {
      view.setUint32(at, integer, true)
      return
    }
    const element = this.wire(wire)
    for (let k = 0; k < 4; k++) view.setBigUint64(at + 8 * k, BigInt.asUintN(64, element >> BigInt(64 * k)), true)
  }
}
