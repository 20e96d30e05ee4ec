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
 *  - odds: the same for the rates of true and of false positives (equalised odds). All four cells have members.
 *  - calibration: the expected calibration error over `bins` of the answer's margin is at most δ / 1000.
 *
 * With `refutes`, a proof says the opposite: fewer than k are right, or the gap or error is more than δ / 1000.
 */
export type BatchStatement = (
  | { readonly kind: 'accuracy' }
  | { readonly kind: 'fairness' | 'odds'; readonly positive: number }
  | { readonly kind: 'calibration'; readonly bins: readonly Bin[] }
) & { readonly refutes?: true | undefined }

/** The answers with a margin from `from` up to the next bin, in units of the scores; they are right so often, in permille. */
export type Bin = { readonly from: number; readonly confidence: number }

export type BatchOptions = {
  /** Samples in the batch, 1 to 4,095 (2 at least for fairness, 4 for odds). */
  readonly count: number
  readonly statement: BatchStatement
  /** As in CircuitOptions. */
  readonly modelSalt?: bigint
  readonly tile?: number
}

const MAX_SAMPLES = 4095
const MAX_BINS = 32
/** A sample for each group, or cell. */
const LEAST_SAMPLES = { accuracy: 1, fairness: 2, odds: 4, calibration: 1 } as const
/** A claim about a gap or an error is in permille and ranged to 10 bits. */
export const MAX_GAP = 1023

/** Layout of a batch commitment: all inputs in a row, then one label (or group) a sample. */
export function batchLayout(program: IntegerProgram, { count, statement }: BatchOptions): SegmentShape[] {
  const input = inputLayout(program)
  const bits = markBits(statement, elementCount(tensorOf(program, program.scores).shape))
  return [
    { ...input, count: input.count * count },
    { count, bits, min: 0 },
  ]
}

/** The mark of each sample: its label, its group, or 2 · (it deserves the positive label) + group. */
export function markOf({ kind }: BatchStatement): 'label' | 'group' | 'cell' {
  if (kind === 'fairness') return 'group'
  return kind === 'odds' ? 'cell' : 'label'
}

function markBits(statement: BatchStatement, classes: number): number {
  const mark = markOf(statement)
  if (mark === 'group') return 1
  return mark === 'cell' ? 2 : bitsFor(classes - 1)
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
  const least = LEAST_SAMPLES[statement.kind]
  if (!Number.isInteger(count) || count < least || count > MAX_SAMPLES) {
    throw new CircuitError('unsupported', `a batch of ${count} samples, must be ${least} to ${MAX_SAMPLES}`)
  }
  const classes = elementCount(tensorOf(program, program.scores).shape)
  if ('positive' in statement && !(statement.positive >= 0 && statement.positive < classes)) {
    throw new CircuitError('unsupported', `the positive label is ${statement.positive}, must be 0 to ${classes - 1}`)
  }
  if (statement.kind === 'calibration') requireBins(program, statement.bins)
  checkOutput(program)
}

function requireBins(program: IntegerProgram, bins: readonly Bin[]): void {
  const { shape, bounds } = tensorOf(program, program.scores)
  if (elementCount(shape) < 2) throw new CircuitError('unsupported', 'a margin needs at least two scores')
  const end = 2 ** differenceBits(bounds)
  const ordered = bins.every(
    ({ from }, i) => Number.isInteger(from) && from < end && (i === 0 ? from === 0 : from > bins[i - 1]!.from),
  )
  if (bins.length < 2 || bins.length > MAX_BINS || !ordered) {
    throw new CircuitError(
      'unsupported',
      `bins start at ${bins.map(({ from }) => from).join(', ')}: 2 to ${MAX_BINS} are needed, from 0, ascending, below ${end}`,
    )
  }
  const wrong = bins.find(({ confidence }) => !(Number.isInteger(confidence) && confidence >= 0 && confidence <= 1000))
  if (wrong !== undefined)
    throw new CircuitError('unsupported', `the confidence is ${wrong.confidence}, must be 0 to 1000 permille`)
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
  const { file, template } = gadgetOf(statement, count, differenceBits(tensorOf(program, program.scores).bounds))
  const gadgets = new Set([...network.gadgets, 'argmax', 'commitment', 'packing', file])
  const binned = statement.kind === 'calibration'
  if (binned) gadgets.add('margin')
  const parameters = program.mode === 'committed' ? parameterSignals(program) : []
  const { shape, bounds } = tensorOf(program, program.scores)
  const classes = elementCount(shape)
  const size = inputLayout(program).count
  const mark = markOf(statement)

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
    text.add(`answer[s] = ${binned ? 'Margin' : 'ArgMax'}(${classes}, ${differenceBits(bounds)});`)
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

  text.add('', `component statement = ${template};`)
  text.loops([['s', count]], () =>
    text.add('statement.prediction[s] <== answer[s].index;', `statement.${mark}[s] <== ${mark}[s];`),
  )
  if (binned) text.loops([['s', count]], () => text.add('statement.margin[s] <== answer[s].margin;'))
  text.add('statement.claim <== claim;', 'result <== claim;', '}', '', 'component main {public [context]} = Main();')
  return assemble(program.name, program.mode, gadgets, [network.text, text])
}

/** The gadget of circuits/lib that makes a statement. */
function gadgetOf(statement: BatchStatement, count: number, scoreBits: number): { file: string; template: string } {
  const bits = bitsFor(count)
  const refutes = statement.refutes === true
  switch (statement.kind) {
    case 'accuracy':
      return { file: 'statements', template: `${refutes ? 'CorrectBelow' : 'CorrectAtLeast'}(${count}, ${bits})` }
    case 'fairness': {
      const parameters = `(${count}, ${statement.positive}, ${bits})`
      return refutes
        ? { file: 'odds', template: `GapAbove${parameters}` }
        : { file: 'statements', template: `GapAtMost${parameters}` }
    }
    case 'odds':
      return {
        file: 'odds',
        template: `${refutes ? 'OddsAbove' : 'OddsAtMost'}(${count}, ${statement.positive}, ${bits})`,
      }
    case 'calibration': {
      const { bins } = statement
      const list = (values: readonly number[]) => `[${values.join(', ')}]`
      const shape = `${bins.length}, ${list(bins.map(({ from }) => from))}, ${list(bins.map(({ confidence }) => confidence))}`
      return {
        file: 'calibration',
        template: `${refutes ? 'CalibrationAbove' : 'CalibrationAtMost'}(${count}, ${shape}, ${scoreBits}, ${bits})`,
      }
    }
  }
}
