// SPDX-License-Identifier: GPL-3.0-or-later
// Linear expressions of wires over BN254's scalar field. Most coefficients are small integers, and stay numbers.
import { SCALAR_FIELD } from '../bn254.ts'

/** A field element: a safe integer, or otherwise a bigint of least magnitude. */
export type Coefficient = number | bigint

const HALF = SCALAR_FIELD >> 1n
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** Σ coefficients[i] · wires[i] + constant. No wire twice, no coefficient zero. */
export type Linear = {
  readonly wires: readonly number[]
  readonly coefficients: readonly Coefficient[]
  readonly constant: Coefficient
}

export const ZERO: Linear = { wires: [], coefficients: [], constant: 0 }

export function constant(value: Coefficient): Linear {
  return { wires: [], coefficients: [], constant: typeof value === 'bigint' ? coefficientOf(value) : value }
}

export function single(wire: number): Linear {
  return { wires: [wire], coefficients: [1], constant: 0 }
}

export function isConstant(x: Linear): boolean {
  return x.wires.length === 0
}

/** The coefficient that a field element, or an integer of any size, is written as. */
export function coefficientOf(value: bigint): Coefficient {
  let element = value % SCALAR_FIELD
  if (element > HALF) element -= SCALAR_FIELD
  else if (element < -HALF) element += SCALAR_FIELD
  return element <= MAX_SAFE && element >= -MAX_SAFE ? Number(element) : element
}

export function addCoefficients(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return coefficientOf(BigInt(a) + BigInt(b))
}

export function multiplyCoefficients(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    // Adding zero: no coefficient is −0.
    if (Number.isSafeInteger(product)) return product + 0
  }
  return coefficientOf(BigInt(a) * BigInt(b))
}

/** Collects terms; `take` gives the sum and begins anew. */
export class Sum {
  #terms = new Map<number, Coefficient>()
  #constant: Coefficient = 0

  add(x: Linear, factor: Coefficient = 1): this {
    if (factor === 0) return this
    for (let i = 0; i < x.wires.length; i++) {
      const wire = x.wires[i]!
      const term = multiplyCoefficients(x.coefficients[i]!, factor)
      const before = this.#terms.get(wire)
      this.#terms.set(wire, before === undefined ? term : addCoefficients(before, term))
    }
    return this.addConstant(multiplyCoefficients(x.constant, factor))
  }

  addWire(wire: number, factor: Coefficient): this {
    const before = this.#terms.get(wire)
    this.#terms.set(wire, before === undefined ? factor : addCoefficients(before, factor))
    return this
  }

  addConstant(value: Coefficient): this {
    this.#constant = addCoefficients(this.#constant, value)
    return this
  }

  take(): Linear {
    const wires: number[] = []
    const coefficients: Coefficient[] = []
    for (const [wire, coefficient] of this.#terms) {
      if (coefficient === 0) continue
      wires.push(wire)
      coefficients.push(coefficient)
    }
    const result = { wires, coefficients, constant: this.#constant }
    this.#terms = new Map()
    this.#constant = 0
    return result
  }
}

/** a + factor · b. */
export function plus(a: Linear, b: Linear, factor: Coefficient = 1): Linear {
  return new Sum().add(a).add(b, factor).take()
}

export function minus(a: Linear, b: Linear): Linear {
  return plus(a, b, -1)
}

export function scaled(x: Linear, factor: Coefficient): Linear {
  return new Sum().add(x, factor).take()
}

export function shifted(x: Linear, by: Coefficient): Linear {
  return { wires: x.wires, coefficients: x.coefficients, constant: addCoefficients(x.constant, by) }
}
