// SPDX-License-Identifier: GPL-3.0-or-later
// One claim about a labelled batch, with lookups: ../circuit/write/batch.ts, which has the reasons, written directly; claims.ts has what it says.
// The four public signals are the same.
import { checkMagnitudes } from '../circuit/bounds.ts'
import { type BatchOptions, batchLayout, markOf, requireBatch } from '../circuit/write/batch.ts'
import { header, inputLayout } from '../circuit/write/statement.ts'
import { type IntegerProgram, tensorOf } from '../graph/program.ts'
import { Builder } from './builder.ts'
import { WrittenCircuit } from './circuit.ts'
import { writeClaim } from './claims.ts'
import { firstLargest, largest } from './gadgets.ts'
import type { Elements } from './layer.ts'
import { type Linear, minus, plus, single, ZERO } from './linear.ts'
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

export class LookupBatchCircuit extends WrittenCircuit {
  /** @throws CircuitError as writeBatchCircuit */
  constructor(program: IntegerProgram, options: BatchOptions) {
    requireBatch(program, options)
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
  const most = bounds.max - bounds.min
  const answers = writeNetworks(builder, program, samples, parameters).map((scores) => {
    const { flags, index, best } = firstLargest(builder, scores, most)
    return {
      label: index,
      margin: statement.kind === 'calibration' ? marginOf(builder, scores, flags, best, most) : ZERO,
    }
  })
  const context = builder.context()
  inputs.set('context', [context])
  builder.product(single(context), single(context))
  writeModel(builder, program, parameters, declare, modelSalt)
  const layout = batchLayout(program, options)
  const [salt] = declare('inputSalt', 1)
  const packed = [x, marks].flatMap((elements, i) => rangedPack(builder, elements, layout[i]!.bits))
  builder.publish('inputCommitment', chainOf(builder, header('batch', layout), [salt!, ...packed]))
  const [claim] = declare('claim', 1)
  const [labels, margins] = [answers.map(({ label }) => label), answers.map(({ margin }) => margin)]
  writeClaim(builder, statement, { labels, marks, margins, mostMargin: most }, claim!)
  builder.publish('result', claim!)
  return { builder, inputs }
}

/** How far the best score is above the others: the largest after the winner is lowered below all of them (margin.circom). */
function marginOf(builder: Builder, scores: Elements, flags: Elements, best: Linear, most: number): Linear {
  const drop = most + 1
  const lowered = scores.map((score, i) => plus(score, flags[i]!, -drop))
  return minus(best, largest(builder, lowered, most + drop))
}
