// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits about a whole labelled batch: the network once per sample, and one claim about all of its answers. They show batch and
// model only as commitments, and nothing of the answers but the claim.
import { elementCount, type IntegerProgram, tensorOf } from '../../graph/program.ts'
import { differenceBits } from '../../graph/windows.ts'
import { checkMagnitudes } from '../bounds.ts'
import { type SegmentShape, valuesPerElement } from '../commitment.ts'
import { CircuitError } from '../errors.ts'
import { writeCommitment } from './hash.ts'
import { assemble, writeModelCommitment } from './main.ts'
import { parameterSignals, writeNetwork } from './network.ts'
import { checkOutput, DEFAULT_TILE, header, inputLayout } from './statement.ts'
import { CircomText } from './text.ts'

/**
 *  - accuracy: the output signal k says that at least k of the samples get their label.
 *  - fairness: the output signal δ, in permille, says that the two groups of samples get the label `positive` at rates that differ
 *    by at most δ / 1000. Both groups have members.
 */
export type BatchStatement = { readonly kind: 'accuracy' } | { readonly kind: 'fairness'; readonly positive: number }

export type BatchOptions = {
  /** Samples in the batch, 1 to 4,095 (2 at least for fairness). */
  readonly count: number
  readonly statement: BatchStatement
  /** As in CircuitOptions. */
  readonly modelSalt?: bigint
  readonly tile?: number
}

const MAX_SAMPLES = 4095
/** A claim about fairness is in permille and ranged to 10 bits. */
export const MAX_GAP = 1023

/** Layout of a batch commitment: all inputs in a row, then one label (or group) a sample. */
export function batchLayout(program: IntegerProgram, { count, statement }: BatchOptions): SegmentShape[] {
  const input = inputLayout(program)
  const bits = statement.kind === 'fairness' ? 1 : bitsFor(elementCount(tensorOf(program, program.scores).shape) - 1)
  return [
    { ...input, count: input.count * count },
    { count, bits, min: 0 },
  ]
}

/** Bits b ≥ 1 with value < 2^b. */
function bitsFor(value: number): number {
  let bits = 1
  while (value >= 2 ** bits) bits++
  return bits
}

/** @throws CircuitError `unsupported` for a program without a label, or a batch of an unsupported size. */
export function requireBatch(program: IntegerProgram, { count, statement }: BatchOptions): void {
  if (program.output.kind !== 'label') {
    throw new CircuitError(
      'unsupported',
      `statements about batches need the output label, found ${program.output.kind}`,
    )
  }
  const least = statement.kind === 'fairness' ? 2 : 1
  if (!Number.isInteger(count) || count < least || count > MAX_SAMPLES) {
    throw new CircuitError('unsupported', `a batch of ${count} samples, must be ${least} to ${MAX_SAMPLES}`)
  }
  const classes = elementCount(tensorOf(program, program.scores).shape)
  if (statement.kind === 'fairness' && !(statement.positive >= 0 && statement.positive < classes)) {
    throw new CircuitError('unsupported', `the positive label is ${statement.positive}, must be 0 to ${classes - 1}`)
  }
  checkOutput(program)
}

/**
 * Circom source for a claim about a batch. Public signals: modelCommitment, inputCommitment (the batch's), output (the
 * claim), context. Inputs of the witness: see batchInputs.
 * @throws CircuitError `unsupported` for a program without a label, or a batch of an unsupported size.
 */
export function writeBatchCircuit(program: IntegerProgram, options: BatchOptions): string {
  requireBatch(program, options)
  const { count, statement, tile = DEFAULT_TILE } = options
  checkMagnitudes(program)
  const network = writeNetwork(program, tile)
  const gadgets = new Set([...network.gadgets, 'argmax', 'commitment', 'packing', 'statements'])
  const parameters = program.mode === 'committed' ? parameterSignals(program) : []
  const { shape, bounds } = tensorOf(program, program.scores)
  const classes = elementCount(shape)
  const size = inputLayout(program).count
  const mark = statement.kind === 'accuracy' ? 'label' : 'group'

  const text = new CircomText()
  text.add(
    `// One claim about ${count} samples.`,
    'template Main() {',
    `signal input x[${count * size}];`,
    `signal input ${mark}[${count}];`,
  )
  for (const { name, count: length } of parameters) text.add(`signal input ${name}[${length}];`)
  if (program.mode === 'committed') text.add('signal input modelSalt;')
  text.add(
    'signal input inputSalt;',
    'signal input claim;',
    'signal input context;',
    'signal output modelCommitment;',
    'signal output inputCommitment;',
    'signal output result;',
    '',
    'signal contextSquare <== context * context;',
    '',
    `component network[${count}];`,
    `component answer[${count}];`,
  )
  text.loops([['s', count]], () => {
    text.add('network[s] = Network();')
    text.loops([['i', size]], () => text.add(`network[s].x[i] <== x[s * ${size} + i];`))
    for (const { name, count: length } of parameters) {
      text.loops([['i', length]], () => text.add(`network[s].${name}[i] <== ${name}[i];`))
    }
    text.add(`answer[s] = ArgMax(${classes}, ${differenceBits(bounds)});`)
    text.loops([['i', classes]], () => text.add('answer[s].score[i] <== network[s].score[i];'))
  })
  writeModelCommitment(text, gadgets, program, parameters, options.modelSalt ?? 0n)

  text.add('', '// Inputs and marks of the batch are ranged, packed and committed to.')
  const layout = batchLayout(program, options)
  const packed = layout.map(({ count: length, bits }, index) => {
    const source = index === 0 ? 'x' : mark
    text.add(`component ${source}Packed = RangedPack(${length}, ${bits});`)
    text.loops([['i', length]], () => text.add(`${source}Packed.in[i] <== ${source}[i];`))
    return { name: `${source}Packed`, elements: Math.ceil(length / valuesPerElement(bits)) }
  })
  writeCommitment(text, 'batch', header('batch', layout), packed, 'inputSalt', 'inputCommitment')

  const bits = bitsFor(count)
  const gadget =
    statement.kind === 'accuracy'
      ? `CorrectAtLeast(${count}, ${bits})`
      : `GapAtMost(${count}, ${statement.positive}, ${bits})`
  text.add('', `component statement = ${gadget};`)
  text.loops([['s', count]], () =>
    text.add('statement.prediction[s] <== answer[s].index;', `statement.${mark}[s] <== ${mark}[s];`),
  )
  text.add('statement.claim <== claim;', 'result <== claim;', '}', '', 'component main {public [context]} = Main();')
  return assemble(program.name, program.mode, gadgets, [network.text, text])
}
