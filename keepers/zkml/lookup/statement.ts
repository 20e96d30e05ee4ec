// SPDX-License-Identifier: GPL-3.0-or-later
// Around the network: its inputs, the commitments, and the four public signals, the same as of ../circuit/write/main.ts.
import { commitModel, requireField, type SegmentShape, valuesPerElement } from '../circuit/commitment.ts'
import { CircuitError } from '../circuit/errors.ts'
import {
  isInParts,
  type PartsDomain,
  type PartVisibilities,
  partsHeader,
  placedParts,
  saltedParts,
} from '../circuit/parts.ts'
import {
  type CircuitOptions,
  checkInput,
  checkOutput,
  header,
  inputLayout,
  modelHeader,
  RESULT_LAYOUT,
  scoresLayout,
} from '../circuit/write/statement.ts'
import type { Parameter } from '../graph/layers.ts'
import {
  type Bounds,
  type InputVisibility,
  type IntegerProgram,
  programParameters,
  tensorOf,
  type Visibility,
} from '../graph/program.ts'
import { Builder } from './builder.ts'
import { countLayer } from './counting.ts'
import { firstLargest, isNonNegative, largest } from './gadgets.ts'
import type { Elements, ParameterRole } from './layer.ts'
import { writeLayer } from './layers.ts'
import { constant, type Linear, minus, plus, Sum, shifted, single } from './linear.ts'
import { chainOf } from './poseidon.ts'
import { writeProducts } from './products.ts'
import { SIGNATURE_INPUTS, type SignatureInputs, signedOf } from './signature.ts'

/** Wires for a prover's inputs, by the names that witnessInputs gives them. */
export type InputWires = ReadonlyMap<string, readonly number[]>

export type DirectOptions = CircuitOptions & {
  /** `groth16`: without a challenge, so that ranges are bits. Default `groth16-lookup`. */
  readonly system?: 'groth16' | 'groth16-lookup'
}

export type Statement = { readonly builder: Builder; readonly inputs: InputWires }

/** @throws CircuitError `unsupported` for an input that is hashed by SHA-256: compile those for plain Groth16. */
export function writeStatement(program: IntegerProgram, options: DirectOptions, onlyCounts = false): Statement {
  const { input = 'committed', output = 'public', modelSalt = 0n } = options
  checkInput(program, input)
  checkOutput(program)
  if (input === 'sha256') {
    throw new CircuitError('unsupported', `input ${input}: not in circuits with lookups; compile with --system groth16`)
  }
  const builder = new Builder(options.system !== 'groth16', onlyCounts)
  const inputs = new Map<string, readonly number[]>()
  const declare = (name: string, count: number): Linear[] => {
    const wires = Array.from({ length: count }, () => builder.wire())
    inputs.set(name, wires)
    return wires.map(single)
  }
  const layout = inputLayout(program)
  const x = declare('x', layout.count)
  const parameters = program.mode === 'committed' ? committedParameters(program, declare) : releasedParameters(program)
  const scores = writeNetwork(builder, program, shiftedAll(x, layout.min), parameters)

  // The purpose of a proof. A constraint on it keeps anyone from putting another one in its place.
  const context = builder.context()
  inputs.set('context', [context])
  builder.product(single(context), single(context))

  writeModel(builder, program, parameters, declare, modelSalt)
  const salted = (domain: PartsDomain, shown: InputVisibility | PartVisibilities) => {
    const names = saltedParts(program, domain, shown)
    return names.length === 0 ? [] : declare(`${domain}Salt`, names.length)
  }
  if (isInParts(input))
    builder.publish(
      'inputCommitment',
      writeParts(builder, program, 'inputs', input, layout, x, salted('inputs', input)),
    )
  else {
    const isSalted = input === 'committed' || input === 'signed'
    const salt = isSalted ? declare('inputSalt', 1)[0]! : constant(0)
    const packed = rangedPack(builder, x, layout.bits)
    const commitment = () => chainOf(builder, header('input', [layout]), [salt, ...packed])
    if (input === 'private') builder.publish('inputCommitment', constant(0))
    else if (input !== 'signed') builder.publish('inputCommitment', commitment())
    else {
      const signature = SIGNATURE_INPUTS.map((name) => [name, declare(name, 1)[0]!])
      builder.publish(
        'inputCommitment',
        signedOf(builder, commitment(), Object.fromEntries(signature) as SignatureInputs),
      )
    }
  }
  if (isInParts(output)) {
    const shape = scoresLayout(program)
    const offsets = shiftedAll(scores, -shape.min)
    builder.publish(
      'result',
      writeParts(builder, program, 'outputs', output, shape, offsets, salted('outputs', output)),
    )
  } else {
    const salt = output === 'committed' ? declare('outputSalt', 1)[0]! : constant(0)
    builder.publish('result', writeResult(builder, program, scores, output, salt))
  }
  return { builder, inputs }
}

export function shiftedAll(elements: Elements, by: number): Linear[] {
  return by === 0 ? [...elements] : elements.map((element) => shifted(element, by))
}

/** A parameter's elements with their values, and as offsets from the least one. */
type ParameterElements = { readonly values: Elements; readonly offsets: Elements; readonly bits: number }
type ProgramParameters = ReadonlyMap<string, ParameterElements>

const keyOf = (layer: string, role: string) => `${layer}$${role}`

export function committedParameters(
  program: IntegerProgram,
  declare: (name: string, count: number) => Linear[],
): ProgramParameters {
  return new Map(
    programParameters(program).map(({ layer, role, parameter: { values, bits } }) => {
      const offsets = declare(keyOf(layer, role), values.length)
      return [keyOf(layer, role), { values: shiftedAll(offsets, -(2 ** (bits - 1))), offsets, bits }] as const
    }),
  )
}

export function releasedParameters(program: IntegerProgram): ProgramParameters {
  return new Map(
    programParameters(program).map(({ layer, role, parameter: { values, bits } }) => [
      keyOf(layer, role),
      { values: constants(values), offsets: [], bits },
    ]),
  )
}

function constants(values: ArrayLike<number>): Linear[] {
  return Array.from(values, (value) => constant(value))
}

function writeNetwork(builder: Builder, program: IntegerProgram, x: Elements, parameters: ProgramParameters): Elements {
  return writeNetworks(builder, program, [x], parameters)[0]!
}

/** The scores of several samples, layer by layer: matrices of private weights are multiplied with all of them at once. */
export function writeNetworks(
  builder: Builder,
  program: IntegerProgram,
  samples: readonly Elements[],
  parameters: ProgramParameters,
): readonly Elements[] {
  const tensors = new Map<string, readonly Elements[]>([[program.input.tensor, samples]])
  const write = builder.onlyCounts ? countLayer : writeLayer
  for (const layer of program.layers) {
    const inputs = layer.inputs.map((id) => {
      const elements = tensors.get(id)
      if (elements === undefined)
        throw new CircuitError('unsupported', `layer ${layer.name} reads ${id} before it is made`)
      return { elements, bounds: tensorOf(program, id).bounds }
    })
    const parametersOf = (role: ParameterRole) => {
      const found = parameters.get(keyOf(layer.name, role))?.values
      // Thresholds of the architecture do not count as parameters of the model.
      return found ?? constants((layer as unknown as Record<string, Parameter>)[role]!.values)
    }
    const together = writeProducts(builder, layer, inputs[0]!.elements, parametersOf)
    const output =
      together ??
      samples.map((_, s) =>
        write(
          builder,
          layer,
          inputs.map(({ elements, bounds }) => ({ elements: elements[s]!, bounds })),
          parametersOf,
        ),
      )
    tensors.set(layer.output, output)
  }
  return tensors.get(program.scores)!
}

export function writeModel(
  builder: Builder,
  program: IntegerProgram,
  parameters: ProgramParameters,
  declare: (name: string, count: number) => Linear[],
  releasedSalt: bigint,
): void {
  if (program.mode === 'released') {
    builder.publish('modelCommitment', constant(commitModel(program, requireField(releasedSalt, 'modelSalt'))))
    return
  }
  const salt = declare('modelSalt', 1)[0]!
  const packed = [...parameters.values()].flatMap(({ offsets, bits }) => rangedPack(builder, offsets, bits))
  builder.publish('modelCommitment', chainOf(builder, modelHeader(program), [salt, ...packed]))
}

/**
 * Proves 0 ≤ element < 2^bits of each and packs ⌊253 / bits⌋ of them into each expression. Ranges and packing belong together:
 * without ranges a packing is not injective, and a commitment to it binds nothing.
 */
export function rangedPack(builder: Builder, elements: Elements, bits: number): Linear[] {
  const packed: Linear[] = []
  const each = valuesPerElement(bits)
  const sum = new Sum()
  for (let start = 0; start < elements.length; start += each) {
    for (const [i, element] of elements.slice(start, start + each).entries()) {
      builder.range(element, bits, true)
      sum.add(element, 1n << BigInt(bits * i))
    }
    packed.push(sum.take())
  }
  return packed
}

/** Inputs or outputs that are shown one by one; ../circuit/parts.ts says what their signal is. */
function writeParts(
  builder: Builder,
  program: IntegerProgram,
  domain: PartsDomain,
  shown: PartVisibilities,
  { bits, min }: SegmentShape,
  elements: Elements,
  salts: readonly Linear[],
): Linear {
  const parts = placedParts(program, domain, shown)
  let salt = 0
  const commitments = parts.map(({ start, count, shown: each }) => {
    const packed = rangedPack(builder, elements.slice(start, start + count), bits)
    if (each === 'private') return constant(0)
    const opening = each === 'public' ? constant(0) : salts[salt++]!
    return chainOf(builder, header('input', [{ count, bits, min }]), [opening, ...packed])
  })
  return chainOf(builder, partsHeader(domain, parts, { bits, min }), [constant(0), ...commitments])
}

function writeResult(
  builder: Builder,
  program: IntegerProgram,
  scores: Elements,
  visibility: Visibility,
  salt: Linear,
): Linear {
  if (visibility === 'private') return constant(0)
  if (program.output.kind === 'logits-commitment') {
    const layout = scoresLayout(program)
    const packed = rangedPack(builder, shiftedAll(scores, -layout.min), layout.bits)
    // In the domain of inputs: the next network takes them in under this very commitment.
    return chainOf(builder, header('input', [layout]), [salt, ...packed])
  }
  const value = plainResult(builder, program, scores)
  if (visibility === 'public') return value
  return chainOf(builder, header('output', [RESULT_LAYOUT]), [salt, value])
}

function plainResult(builder: Builder, program: IntegerProgram, scores: Elements): Linear {
  const { output } = program
  const { bounds } = tensorOf(program, program.scores)
  const span = bounds.max - bounds.min
  switch (output.kind) {
    case 'label':
      return firstLargest(builder, scores, span).index
    case 'margin': {
      const { flags, index, best } = firstLargest(builder, scores, span)
      // Pushes the winner below all others, so that the largest is the runner-up.
      const others = scores.map((score, i) => plus(score, flags[i]!, -(span + 1)))
      return plus(index, minus(best, largest(builder, others, 2 * span + 1)), 2 ** 16)
    }
    case 'score':
      return isNonNegative(
        builder,
        shifted(scores[output.index]!, -output.threshold),
        distance(bounds, output.threshold),
      )
    case 'value':
    case 'logits-commitment':
      return scores[0]!
  }
}

function distance({ min, max }: Bounds, from: number): number {
  return Math.max(Math.abs(min - from), Math.abs(max - from))
}
