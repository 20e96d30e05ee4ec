// SPDX-License-Identifier: GPL-3.0-or-later
// What claims about a batch say, with lookups: circuits/lib/statements.circom, odds.circom and calibration.circom, which have the reasons, written
// directly. Every count is at most 4,095, so that all products stay below 2^36 and wrap around no field.
import { type BatchStatement, type Bin, MAX_GAP } from '../circuit/write/batch.ts'
import type { Builder } from './builder.ts'
import { bit, bitsFor, isNonNegative, isZero } from './gadgets.ts'
import type { Elements } from './layer.ts'
import { constant, type Linear, minus, plus, Sum, scaled, shifted, ZERO } from './linear.ts'

const PERMILLE = 1000

/** Members and positives of the two groups. */
type Rates = { readonly members: readonly [Linear, Linear]; readonly positives: readonly [Linear, Linear] }

/** What was answered about each sample, and its mark. Margins: of calibration alone, 0 ≤ margin ≤ `mostMargin`. */
export type Answers = {
  readonly labels: Elements
  readonly marks: Elements
  readonly margins: Elements
  readonly mostMargin: number
}

/** The statement, or with `refutes` its opposite, about `claim`, which is ranged. */
export function writeClaim(builder: Builder, statement: BatchStatement, answers: Answers, claim: Linear): void {
  const { labels, marks } = answers
  const bits = bitsFor(labels.length)
  const refutes = statement.refutes === true
  // Without this a claim of −1 would pass, and a reader would take p − 1 for a very high score.
  builder.range(claim, statement.kind === 'accuracy' ? bits : bitsFor(MAX_GAP), true)
  switch (statement.kind) {
    case 'accuracy': {
      const surplus = minus(correct(builder, labels, marks), claim)
      builder.range(refutes ? shifted(scaled(surplus, -1), -1) : surplus, bits, true)
      break
    }
    case 'fairness': {
      const rates = groupRates(builder, labels, marks, statement.positive)
      if (refutes) gapExceeds(builder, rates, claim, bits)
      else gapWithin(builder, rates, claim, bits)
      break
    }
    case 'odds': {
      const rates = cellRates(builder, labels, marks, statement.positive)
      if (refutes) gapExceeds(builder, chosen(builder, rates, claim), claim, bits)
      else for (const each of rates) gapWithin(builder, each, claim, bits)
      break
    }
    case 'calibration': {
      const error = calibrationError(builder, answers, statement.bins)
      const rest = plus(scaled(claim, labels.length), error, -1)
      builder.range(refutes ? shifted(scaled(rest, -1), -1) : rest, bits + bitsFor(MAX_GAP) + 1, true)
      break
    }
  }
}

function correct(builder: Builder, labels: Elements, marks: Elements): Linear {
  const sum = new Sum()
  for (const [s, label] of labels.entries()) sum.add(isZero(builder, minus(label, marks[s]!)))
  return sum.take()
}

function groupRates(builder: Builder, labels: Elements, groups: Elements, positive: number): Rates {
  const [ones, all, inOne] = [new Sum(), new Sum(), new Sum()]
  for (const [s, label] of labels.entries()) {
    const group = groups[s]!
    builder.constrain(group, shifted(group, -1), ZERO)
    const isPositive = isZero(builder, shifted(label, -positive))
    ones.add(group)
    all.add(isPositive)
    inOne.add(builder.integerProduct(isPositive, group))
  }
  return ratesOf(constant(labels.length), ones.take(), all.take(), inOne.take())
}

/** Rates among the samples that do not deserve the label, and among those that do. A cell is 2 · (it deserves it) + group. */
function cellRates(builder: Builder, labels: Elements, cells: Elements, positive: number): readonly [Rates, Rates] {
  const sums = [0, 1].map(() => ({ count: new Sum(), ones: new Sum(), all: new Sum(), inOne: new Sum() }))
  for (const [s, label] of labels.entries()) {
    const cell = cells[s]!
    const deserves = bit(builder, (values) => Math.floor(values.integer(cell) / 2))
    // The cell is 0 to 3: both of its bits are bits.
    const group = plus(cell, deserves, -2)
    builder.constrain(group, shifted(group, -1), ZERO)
    const isPositive = isZero(builder, shifted(label, -positive))
    const of = (a: Linear, b: Linear) => builder.integerProduct(a, b)
    const [one, hit] = [of(group, deserves), of(isPositive, deserves)]
    const [deserving, rest] = [sums[1]!, sums[0]!]
    deserving.count.add(deserves)
    deserving.ones.add(one)
    deserving.all.add(hit)
    deserving.inOne.add(of(hit, group))
    rest.count.add(minus(constant(1), deserves))
    rest.ones.add(minus(group, one))
    rest.all.add(minus(isPositive, hit))
    rest.inOne.add(of(minus(isPositive, hit), group))
  }
  const [no, yes] = sums.map(({ count, ones, all, inOne }) =>
    ratesOf(count.take(), ones.take(), all.take(), inOne.take()),
  )
  return [no!, yes!]
}

function ratesOf(count: Linear, ones: Linear, all: Linear, inOne: Linear): Rates {
  return { members: [minus(count, ones), ones], positives: [minus(all, inOne), inOne] }
}

/** |P₁ N₀ − P₀ N₁| · 1000 ≤ claim · N₀ N₁, and no group is empty. */
function gapWithin(builder: Builder, rates: Rates, claim: Linear, bits: number): void {
  const { both, difference } = gapOf(builder, rates)
  builder.range(shifted(both, -1), 2 * bits, true)
  const allowed = builder.integerProduct(claim, both)
  const size = 2 * bits + bitsFor(MAX_GAP) + 1
  for (const side of [-1, 1]) builder.range(plus(allowed, scaled(difference, PERMILLE), side), size, true)
}

/** |P₁ N₀ − P₀ N₁| · 1000 > claim · N₀ N₁: both sides are 0 where a group is empty. */
function gapExceeds(builder: Builder, rates: Rates, claim: Linear, bits: number): void {
  const { both, difference } = gapOf(builder, rates)
  const gap = magnitude(builder, difference, 2 ** (2 * bits))
  const allowed = builder.integerProduct(claim, both)
  builder.range(shifted(plus(scaled(gap, PERMILLE), allowed, -1), -1), 2 * bits + bitsFor(MAX_GAP), true)
}

function gapOf(builder: Builder, { members: [zeros, ones], positives: [inZero, inOne] }: Rates) {
  const of = (a: Linear, b: Linear) => builder.integerProduct(a, b)
  return { both: of(zeros, ones), difference: minus(of(inOne, zeros), of(inZero, ones)) }
}

/** |value| ≤ most. */
function magnitude(builder: Builder, value: Linear, most: number): Linear {
  const positive = isNonNegative(builder, value, most)
  return minus(scaled(builder.integerProduct(positive, value), 2), value)
}

/** One of the two, which the prover chooses: the first whose gap exceeds the claim, else the second. */
function chosen(builder: Builder, [first, second]: readonly [Rates, Rates], claim: Linear): Rates {
  const which = bit(builder, (values) => {
    const [zeros, ones] = first.members.map((each) => values.integer(each)) as [number, number]
    const [inZero, inOne] = first.positives.map((each) => values.integer(each)) as [number, number]
    const over = Math.abs(inOne * zeros - inZero * ones)
    return PERMILLE * over > values.integer(claim) * zeros * ones ? 0 : 1
  })
  const pick = (a: Linear, b: Linear) => plus(a, builder.integerProduct(which, minus(b, a)))
  const picked = (a: readonly [Linear, Linear], b: readonly [Linear, Linear]) =>
    [pick(a[0], b[0]), pick(a[1], b[1])] as const
  return { members: picked(first.members, second.members), positives: picked(first.positives, second.positives) }
}

/** Sum over the bins of |1000 · right − confidence · answers|. */
function calibrationError(
  builder: Builder,
  { labels, marks, margins, mostMargin }: Answers,
  bins: readonly Bin[],
): Linear {
  const sums = bins.map(() => ({ answers: new Sum(), right: new Sum() }))
  for (const [s, label] of labels.entries()) {
    const right = isZero(builder, minus(label, marks[s]!))
    sums[0]!.answers.addConstant(1)
    sums[0]!.right.add(right)
    // Answers that reach the next bin leave this one.
    for (const [j, { from }] of bins.entries()) {
      if (j === 0) continue
      const reaches = isNonNegative(builder, shifted(margins[s]!, -from), Math.max(mostMargin, from))
      const rightHere = builder.integerProduct(reaches, right)
      sums[j - 1]!.answers.add(reaches, -1)
      sums[j]!.answers.add(reaches)
      sums[j - 1]!.right.add(rightHere, -1)
      sums[j]!.right.add(rightHere)
    }
  }
  const error = new Sum()
  for (const [j, { answers, right }] of sums.entries()) {
    const difference = plus(scaled(right.take(), PERMILLE), answers.take(), -bins[j]!.confidence)
    error.add(magnitude(builder, difference, PERMILLE * labels.length))
  }
  return error.take()
}
