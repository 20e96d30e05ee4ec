// SPDX-License-Identifier: GPL-3.0-or-later
// One claim about a labelled batch, with lookups: circuits/lib/statements.circom and ../circuit/write/batch.ts, which have the reasons,
// written directly. The four public signals are the same.
import { checkMagnitudes } from '../circuit/bounds.ts'
import { CircuitError } from '../circuit/errors.ts'
import { type BatchOptions, batchLayout, MAX_GAP, markOf, requireBatch } from '../circuit/write/batch.ts'
import { header, inputLayout } from '../circuit/write/statement.ts'
import { type IntegerProgram, tensorOf } from '../graph/program.ts'
import { Builder } from './builder.ts'
import { WrittenCircuit } from './circuit.ts'
import { bitsFor, firstLargest, isZero } from './gadgets.ts'
import type { Elements } from './layer.ts'
import { constant, type Linear, minus, plus, Sum, scaled, shifted, single, ZERO } from './linear.ts'
import { chainOf } from './poseidon.ts'
import {
  committedParameters,
  rangedPack,
  releasedParameters,
  type Statement,
  shiftedAll,
  writeModel,
  writeNetworks,
} from './statement.ts'
import { RANGE_SLACK } from './tables.ts'

const PERMILLE = 1000

export class LookupBatchCircuit extends WrittenCircuit {
  /** @throws CircuitError as writeBatchCircuit */
  constructor(program: IntegerProgram, options: BatchOptions) {
    requireBatch(program, options)
    const { kind, refutes } = options.statement
    if (refutes === true || (kind !== 'accuracy' && kind !== 'fairness')) {
      throw new CircuitError(
        'unsupported',
        `groth16-lookup claims accuracy and fairness, not ${refutes === true ? 'refutations' : kind}; use --system groth16`,
      )
    }
    checkMagnitudes(program, RANGE_SLACK)
    super(writeBatchStatement(program, options))
  }
}

/** Writes the statement of a batch's circuit, without checks. */
export function writeBatchStatement(program: IntegerProgram, options: BatchOptions): Statement {
  const { count, statement, modelSalt = 0n } = options
  const builder = new Builder(true)
  const inputs = new Map<string, readonly number[]>()
  const declare = (name: string, length: number): Linear[] => {
    const wires = Array.from({ length }, () => builder.wire())
    inputs.set(name, wires)
    return wires.map(single)
  }
  const { count: size, min } = inputLayout(program)
  const x = declare('x', count * size)
  const marks = declare(markOf(statement), count)
  const parameters = program.mode === 'committed' ? committedParameters(program, declare) : releasedParameters(program)
  const { bounds } = tensorOf(program, program.scores)
  const samples = marks.map((_, s) => shiftedAll(x.slice(s * size, (s + 1) * size), min))
  const answers = writeNetworks(builder, program, samples, parameters).map(
    (scores) => firstLargest(builder, scores, bounds.max - bounds.min).index,
  )
  const context = builder.context()
  inputs.set('context', [context])
  builder.product(single(context), single(context))
  writeModel(builder, program, parameters, declare, modelSalt)
  const layout = batchLayout(program, options)
  const [salt] = declare('inputSalt', 1)
  const packed = [x, marks].flatMap((elements, i) => rangedPack(builder, elements, layout[i]!.bits))
  builder.publish('inputCommitment', chainOf(builder, header('batch', layout), [salt!, ...packed]))
  const [claim] = declare('claim', 1)
  if (statement.kind === 'accuracy') correctAtLeast(builder, answers, marks, claim!)
  else if (statement.kind === 'fairness') gapAtMost(builder, answers, marks, claim!, statement.positive)
  builder.publish('result', claim!)
  return { builder, inputs }
}

/** At least `claim` of the answers equal their labels, 0 ≤ claim. */
function correctAtLeast(builder: Builder, answers: Elements, labels: Elements, claim: Linear): void {
  const correct = new Sum()
  for (const [s, answer] of answers.entries()) correct.add(isZero(builder, minus(answer, labels[s]!)))
  const bits = bitsFor(answers.length)
  // Without this a claim of −1 would pass, and a reader would take p − 1 for a very high score.
  builder.range(claim, bits, true)
  builder.range(minus(correct.take(), claim), bits, true)
}

/** |P₁ N₀ − P₀ N₁| · 1000 ≤ claim · N₀ N₁, and no group is empty. */
function gapAtMost(builder: Builder, answers: Elements, groups: Elements, claim: Linear, positive: number): void {
  const [members, positives, positivesInOne] = [new Sum(), new Sum(), new Sum()]
  for (const [s, answer] of answers.entries()) {
    const group = groups[s]!
    builder.constrain(group, shifted(group, -1), ZERO)
    const isPositive = isZero(builder, shifted(answer, -positive))
    members.add(group)
    positives.add(isPositive)
    positivesInOne.add(builder.integerProduct(isPositive, group))
  }
  const count = answers.length
  const bits = bitsFor(count)
  const [ones, all, inOne] = [members.take(), positives.take(), positivesInOne.take()]
  const zeros = minus(constant(count), ones)
  const both = builder.integerProduct(ones, zeros)
  builder.range(shifted(both, -1), 2 * bits, true)
  const difference = minus(builder.integerProduct(inOne, zeros), builder.integerProduct(minus(all, inOne), ones))
  builder.range(claim, bitsFor(MAX_GAP), true)
  const allowed = builder.integerProduct(claim, both)
  const size = 2 * bits + bitsFor(MAX_GAP) + 1
  for (const side of [-1, 1]) builder.range(plus(allowed, scaled(difference, PERMILLE), side), size, true)
}
