// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a program as a circuit: the constraints of circuits/lib's gadgets under circom's O1, counted without compiling. A test holds
// these formulas against compiled circuits.

import type { IntegerLayer, TensorId } from '../graph/layers.ts'
import {
  elementCount,
  type InputVisibility,
  type IntegerProgram,
  tensorOf,
  type Visibility,
  windowOf,
} from '../graph/program.ts'
import type { Part } from '../graph/types.ts'
import { differenceBits, signedBits } from '../graph/windows.ts'
import { type Cost, layerCost, yieldsSignals } from './layer-cost.ts'

export type CostOptions = {
  /** How the input is shown: a commitment is hashed unless it is private. Default committed. */
  readonly input?: InputVisibility | readonly Visibility[]
  /** How the output is shown: a committed one is hashed, a private one left out. Default public. */
  readonly output?: Visibility | readonly Visibility[]
  /** Largest side of a tile in convolutions with private weights. Default 6, as the circuit writer's. */
  readonly tile?: number
}

export type CostReport = {
  readonly total: number
  readonly input: Cost
  readonly parameters: Cost
  readonly layers: ReadonlyMap<string, Cost>
  readonly output: Cost
}

/** Bits that packing may fill in one field element, and elements that one Poseidon call takes besides its chain value. */
const PACKING_BITS = 253
const POSEIDON_RATE = 15
const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68]
const FULL_ROUNDS = 8
const DEFAULT_TILE = 6
/** Bytes of a block and least bytes of padding; constraints of one call, see circuits/lib/sha256.circom. */
const SHA256_BLOCK = 64
const SHA256_PADDING = 9
const SHA256_LINEAR = 48 + 64 * 2 + 8
const SHA256_QUADRATIC = 17_824 - SHA256_LINEAR

/** Constraints of circuits/lib/signed_commitment.circom. */
const SIGNED: Cost = { quadratic: 4944, linear: 10 }

/** Constraints of every part of the circuit of `program`. */
export function programCost(program: IntegerProgram, options: CostOptions = {}): CostReport {
  const { input: visibility = 'committed', output: shown = 'public', tile = DEFAULT_TILE } = options
  // Input signals are offsets from the least value: only from zero are they the values themselves.
  const signals = new Set<TensorId>(program.input.min === 0 ? [program.input.tensor] : [])
  const layers = new Map<string, Cost>()
  for (const layer of program.layers) {
    layers.set(layer.name, layerCost(program, layer, signals.has(layer.inputs[0]!), tile))
    if (yieldsSignals(program, layer, signals)) signals.add(layer.output)
  }
  const input = inputCost(program, visibility)
  // Released: one constraint pins the constant commitment.
  const parameters = program.mode === 'committed' ? parameterCost(program) : { quadratic: 0, linear: 1 }
  const output = outputCost(program, signals.has(program.scores), shown)
  const total = [input, parameters, output, ...layers.values()].reduce(
    (sum, each) => sum + each.quadratic + each.linear,
    1,
  )
  return { total, input, parameters, layers, output }
}

/** Parts that are shown one by one: each is packed and hashed alone, and all hashes together once more. */
function partsCost(parts: readonly Part[], bits: number, shown: readonly Visibility[]): Cost {
  let { quadratic, linear } = commitmentCost(parts.length)
  for (const [i, { count }] of parts.entries()) {
    const elements = packed(count, bits)
    // The compiler does not keep a signal for the 0 of a private output.
    const hash = shown[i] === 'private' ? { quadratic: 0, linear: 0 } : commitmentCost(elements)
    quadratic += count * bits + hash.quadratic
    linear += elements + hash.linear
  }
  return { quadratic, linear }
}

function inputCost(program: IntegerProgram, visibility: InputVisibility | readonly Visibility[]): Cost {
  if (typeof visibility !== 'string') return partsCost(program.input.parts ?? [], program.input.bits, visibility)
  const count = elementCount(tensorOf(program, program.input.tensor).shape)
  if (visibility === 'sha256') {
    const blocks = Math.ceil((count + SHA256_PADDING) / SHA256_BLOCK)
    return { quadratic: count * 8 + blocks * SHA256_QUADRATIC, linear: count + blocks * SHA256_LINEAR + 1 }
  }
  const elements = packed(count, program.input.bits)
  // Private: one constraint holds the signal at 0.
  const hash = visibility === 'private' ? { quadratic: 0, linear: 1 } : commitmentCost(elements)
  const signature = visibility === 'signed' ? SIGNED : { quadratic: 0, linear: 0 }
  return {
    quadratic: count * program.input.bits + hash.quadratic + signature.quadratic,
    linear: elements + hash.linear + signature.linear,
  }
}

function parameterCost(program: IntegerProgram): Cost {
  let quadratic = 0
  let elements = 0
  for (const layer of program.layers)
    for (const parameter of parametersOf(layer)) {
      quadratic += parameter.values.length * parameter.bits
      elements += packed(parameter.values.length, parameter.bits)
    }
  const hash = commitmentCost(elements)
  return { quadratic: quadratic + hash.quadratic, linear: elements + hash.linear }
}

function parametersOf(layer: IntegerLayer) {
  if (layer.kind === 'conv2d' || layer.kind === 'dense') return [layer.weights, layer.bias]
  if (layer.kind === 'scale') return [layer.scale, layer.bias]
  if (layer.kind === 'compare') return layer.fixed ? [] : [layer.thresholds]
  return layer.kind === 'lookup' ? [layer.table] : []
}

function packed(count: number, bits: number): number {
  return Math.ceil(count / Math.floor(PACKING_BITS / bits))
}

/** A salted chain of Poseidon calls over `elements` and the salt. */
function commitmentCost(elements: number): Cost {
  let quadratic = 0
  let linear = 0
  for (let left = elements + 1; left > 0; left -= POSEIDON_RATE) {
    const size = Math.min(left, POSEIDON_RATE) + 1
    quadratic += 3 * (FULL_ROUNDS * (size + 1) + PARTIAL_ROUNDS[size - 1]! - 1)
    linear++
  }
  return { quadratic, linear }
}

function outputCost(
  program: IntegerProgram,
  fromSignals: boolean,
  visibility: Visibility | readonly Visibility[],
): Cost {
  if (typeof visibility !== 'string') {
    const { bounds, shape } = tensorOf(program, program.scores)
    const { bits, min } = windowOf(bounds)
    const { quadratic, linear } = partsCost(program.outputs ?? [], bits, visibility)
    const count = elementCount(shape)
    return { quadratic, linear: linear + (min === 0 ? 0 : count) + (fromSignals ? 0 : count) }
  }
  if (visibility === 'private') return { quadratic: 0, linear: 1 }
  const result = resultCost(program, fromSignals)
  if (visibility === 'public' || program.output.kind === 'logits-commitment') return result
  const hash = commitmentCost(1)
  return { quadratic: result.quadratic + hash.quadratic, linear: result.linear + hash.linear }
}

function resultCost(program: IntegerProgram, fromSignals: boolean): Cost {
  const { shape, bounds } = tensorOf(program, program.scores)
  const count = elementCount(shape)
  const scores = fromSignals ? 0 : count
  const difference = differenceBits(bounds)
  // Of two scores the index is the second selector itself, and the compiler drops what says so.
  const oneHot = count === 2 ? 1 : 2
  const argmax = (bits: number): Cost => ({ quadratic: count * (bits + 2), linear: count + 1 + oneHot })
  switch (program.output.kind) {
    case 'label': {
      const { quadratic, linear } = argmax(difference)
      return { quadratic, linear: linear + scores }
    }
    case 'margin': {
      const [first, second] = [argmax(difference), argmax(difference + 1)]
      return {
        quadratic: first.quadratic + second.quadratic + count,
        linear: first.linear + second.linear + oneHot + count + 2 + scores,
      }
    }
    case 'score': {
      const { threshold } = program.output
      return { quadratic: signedBits({ min: bounds.min - threshold, max: bounds.max - threshold }), linear: scores }
    }
    case 'value':
      return { quadratic: 0, linear: scores }
    case 'logits-commitment': {
      const { bits, min } = windowOf(bounds)
      const elements = packed(count, bits)
      const hash = commitmentCost(elements)
      const shifted = min === 0 ? 0 : count
      return { quadratic: count * bits + hash.quadratic, linear: elements + hash.linear + shifted + scores }
    }
  }
}
