// SPDX-License-Identifier: GPL-3.0-or-later
// Questions about integers, answered by few constraints and by ranges, which cost about one constraint for each limb (tables.ts). The
// comment of each states what it proves about its operands; the caller must bound their magnitudes far below the field's size.
import { invert } from '../circuit/quadratic.ts'
import type { Builder } from './builder.ts'
import { constant, type Linear, minus, plus, Sum, scaled, shifted, ZERO } from './linear.ts'

/** Bits that hold 0 … max. */
export function bitsFor(max: number): number {
  let bits = 0
  while (max >= 2 ** bits) bits++
  return bits
}

/** ⌊value / 2^shift⌋; the caller must range it as far as needed. One wire and an exact range. */
export function floorShift(builder: Builder, value: Linear, shift: number): Linear {
  if (shift === 0) return value
  const quotient = builder.hint((values) => Math.floor(values.integer(value) / 2 ** shift))
  builder.range(plus(value, quotient, -(2 ** shift)), shift, true)
  return quotient
}

/**
 * ⌊value / 2^shift⌋ as positive − negative, both ≥ 0 and at least one of them 0. `most`: the largest either can be.
 *
 * positive · negative = 0 leaves one of them; their sum is its magnitude, so one range says that it is not negative.
 */
export function splitSign(
  builder: Builder,
  value: Linear,
  shift: number,
  most: number,
): { readonly positive: Linear; readonly negative: Linear } {
  const quotient = (v: number) => Math.floor(v / 2 ** shift)
  const positive = builder.hint((values) => Math.max(0, quotient(values.integer(value))))
  let negative: Linear
  if (shift === 0) negative = minus(positive, value)
  else {
    negative = builder.hint((values) => Math.max(0, -quotient(values.integer(value))))
    builder.range(
      new Sum()
        .add(value)
        .add(positive, -(2 ** shift))
        .add(negative, 2 ** shift)
        .take(),
      shift,
      true,
    )
  }
  builder.constrain(positive, negative, ZERO)
  builder.range(plus(positive, negative), bitsFor(most), false)
  return { positive, negative }
}

/** max(a, b); |a − b| ≤ most. */
export function larger(builder: Builder, a: Linear, b: Linear, most: number): Linear {
  const best = builder.hint((values) => Math.max(values.integer(a), values.integer(b)))
  const [overA, overB] = [minus(best, a), minus(best, b)]
  builder.constrain(overA, overB, ZERO)
  // One of the two is 0, so their sum is the other.
  builder.range(plus(overA, overB), bitsFor(most), false)
  return best
}

export function largest(builder: Builder, elements: readonly Linear[], most: number): Linear {
  return elements.reduce((best, element) => larger(builder, best, element, most))
}

/** A wire that is 0 or 1. One constraint. */
export function bit(builder: Builder, compute: Parameters<Builder['hint']>[0]): Linear {
  const wire = builder.hint(compute)
  builder.constrain(wire, shifted(wire, -1), ZERO)
  return wire
}

/** [value ≥ 0]; |value| ≤ most. Two constraints and a range. */
export function isNonNegative(builder: Builder, value: Linear, most: number): Linear {
  const answer = bit(builder, (values) => (values.integer(value) >= 0 ? 1 : 0))
  // value where the answer is 1, −value − 1 where it is 0: never negative.
  const chosen = builder.integerProduct(answer, shifted(scaled(value, 2), 1))
  builder.range(shifted(minus(chosen, value), -1), bitsFor(most), false)
  return answer
}

/** [value = 0], with an inverse that is 0 for value 0. Three constraints. */
export function isZero(builder: Builder, value: Linear): Linear {
  const inverse = builder.wire()
  const answer = builder.wire()
  const [inverseOf, answerOf] = [inverse, answer].map((wire) => ({ wires: [wire], coefficients: [1], constant: 0 }))
  builder.step((values) => {
    const element = values.field(value)
    values.set(inverse, element === 0n ? 0 : invert(element))
    values.set(answer, element === 0n ? 1 : 0)
  })
  builder.constrain(value, inverseOf!, minus(constant(1), answerOf!))
  builder.constrain(value, answerOf!, ZERO)
  builder.constrain(inverseOf!, answerOf!, ZERO)
  return answerOf!
}

/** n wires, 1 at the place that `index` gives and 0 elsewhere. n + 1 constraints. */
export function oneHot(builder: Builder, count: number, index: Parameters<Builder['hint']>[0]): Linear[] {
  const flags = Array.from({ length: count }, (_, place) => bit(builder, (values) => (index(values) === place ? 1 : 0)))
  const sum = new Sum().addConstant(-1)
  for (const flag of flags) sum.add(flag)
  builder.constrain(sum.take(), constant(1), ZERO)
  return flags
}

/** The place of the largest score, the lowest one on ties, as flags; and that score. |a − b| ≤ most for any two. */
export function firstLargest(
  builder: Builder,
  scores: readonly Linear[],
  most: number,
): { readonly flags: readonly Linear[]; readonly index: Linear; readonly best: Linear } {
  let last: { readonly values: unknown; readonly place: number } | null = null
  const flags = oneHot(builder, scores.length, (values) => {
    // Asked once for every place of one witness.
    if (last?.values !== values) {
      const found = scores.map((score) => values.integer(score))
      last = { values, place: found.indexOf(Math.max(...found)) }
    }
    return last!.place
  })
  const index = new Sum()
  for (const [place, flag] of flags.entries()) index.add(flag, place)
  const best = builder.hint((values) =>
    scores.reduce((most, score) => Math.max(most, values.integer(score)), -Infinity),
  )
  const later = new Sum().addConstant(1)
  for (const [place, flag] of flags.entries()) {
    builder.constrain(flag, minus(best, scores[place]!), ZERO)
    later.add(flag, -1)
    // Below the place no score may tie: there `later` is 1.
    const before = later.take()
    later.add(before)
    builder.range(minus(minus(best, scores[place]!), before), bitsFor(most), false)
  }
  return { flags, index: index.take(), best }
}
