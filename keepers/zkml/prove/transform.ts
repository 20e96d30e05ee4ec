// SPDX-License-Identifier: GPL-3.0-or-later
// Values on a domain of 2^power roots of unity to values on the odd coset, where the vanishing polynomial is −2.
import { SCALAR_FIELD } from '../bn254.ts'
import { ELEMENT_BYTES, inverse, type Kernel, PAIR_BYTES } from '../kernel/kernel.ts'
import { rootOfUnity } from '../setup/qap.ts'

/** Twiddles of both directions, and the factors of the coefficients in between, kept for every proof. */
export class Transform {
  readonly #kernel: Kernel
  readonly #half: number
  readonly #inverse: number
  readonly #forward: number
  readonly #factors: number

  constructor(kernel: Kernel, power: number) {
    this.#kernel = kernel
    this.#half = 2 ** (power - 1)
    const root = rootOfUnity(power)
    this.#inverse = this.#tables(inverse(root, SCALAR_FIELD))
    this.#forward = this.#tables(root)
    this.#factors = this.#coset(power)
  }

  /** 2^power elements, 40 bytes each, interpolated and evaluated at ω^(1/2) times the domain. */
  shift(values: Uint8Array): Uint8Array<ArrayBuffer> {
    const kernel = this.#kernel
    const { calls, scalar } = kernel
    const [half, field] = [this.#half, scalar.at]
    const mark = kernel.mark()
    const elements = kernel.write(values)
    const pairs = kernel.allocate(PAIR_BYTES * half)
    calls.joinHalves(pairs, elements, half)
    calls.interpolate(pairs, half, this.#inverse, this.#factors, field)
    calls.evaluate(pairs, half, this.#forward + PAIR_BYTES * (2 * half - 1), field)
    calls.splitHalves(elements, pairs, half)
    const result = kernel.read(elements, 2 * half * ELEMENT_BYTES)
    kernel.release(mark)
    return result
  }

  /** For each layer the powers of its root: across the lanes half of them, then half/2, half/4, …, 1. */
  #tables(root: bigint): number {
    const kernel = this.#kernel
    const { calls, scalar } = kernel
    const half = this.#half
    const first = kernel.allocate(PAIR_BYTES * (2 * half - 1))
    const mark = kernel.mark()
    const one = kernel.element(scalar, [1n, 1n])
    calls.fillPowers(first, one, kernel.element(scalar, [1n, root]), half, scalar.at)
    let at = first + PAIR_BYTES * half
    const square = (root * root) % SCALAR_FIELD
    calls.fillPowers(at, one, kernel.element(scalar, [square, square]), half / 2, scalar.at)
    for (let span = half / 2; span > 1; span /= 2) {
      calls.everySecond(at + PAIR_BYTES * span, at, span / 2)
      at += PAIR_BYTES * span
    }
    kernel.release(mark)
    return first
  }

  /** g^k/N for g = ω^(1/2), in the order of the coefficients: lane l of pair j is k = 2·reversed(j) + l. */
  #coset(power: number): number {
    const kernel = this.#kernel
    const { calls, scalar } = kernel
    const half = this.#half
    const factors = kernel.allocate(PAIR_BYTES * half)
    const mark = kernel.mark()
    const g = rootOfUnity(power + 1)
    const scale = inverse(BigInt(2 * half), SCALAR_FIELD)
    const start = kernel.element(scalar, [scale, (scale * g) % SCALAR_FIELD])
    const square = (g * g) % SCALAR_FIELD
    const inOrder = kernel.allocate(PAIR_BYTES * half)
    calls.fillPowers(inOrder, start, kernel.element(scalar, [square, square]), half, scalar.at)
    const [from, to] = [kernel.view(inOrder, PAIR_BYTES * half), kernel.view(factors, PAIR_BYTES * half)]
    for (let j = 0; j < half; j++) {
      let reversed = 0
      for (let bit = 0; bit < power - 1; bit++) reversed |= ((j >> bit) & 1) << (power - 2 - bit)
      to.set(from.subarray(PAIR_BYTES * reversed, PAIR_BYTES * (reversed + 1)), PAIR_BYTES * j)
    }
    kernel.release(mark)
    return factors
  }
}
