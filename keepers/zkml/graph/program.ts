// SPDX-License-Identifier: GPL-3.0-or-later
// The integer program: the quantised network, every number resolved. A circuit computes exactly this, bit for bit.
import type { IntegerLayer, Parameter, TensorId } from './layers.ts'
import type { Part } from './types.ts'

/** No bound may pass this, so that float64 arithmetic of the interpreter is exact. */
export const VALUE_LIMIT = 2 ** 52

/** Inclusive integer interval. */
export type Bounds = { readonly min: number; readonly max: number }

/**
 * One value between layers. For every admissible input (and, in committed mode, every admissible weight) each
 * element lies in `bounds`: proven by interval arithmetic when the program is built, so a circuit may rely on it.
 */
export type IntegerTensor = {
  readonly id: TensorId
  /** Channels last, no batch axis, row-major. */
  readonly shape: readonly number[]
  readonly bounds: Bounds
  /** The real number that an element stands for is element · scale. Information for people and for decoding scores. */
  readonly scale: number
}

/** `released`: parameters are constants of the circuit. `committed`: they are witness, bound by a salted commitment. */
export type Mode = 'released' | 'committed'

export type Visibility = 'public' | 'committed' | 'private'

/**
 * `sha256`: the input is bytes; the proof shows the upper 248 bits of their SHA-256; no salt. `signed`: a publisher has signed the
 * input's salted commitment; the proof shows the publisher's key and a tag.
 */
export type InputVisibility = Visibility | 'sha256' | 'signed'

/**
 * The meaning of the single public output signal for the final tensor (the scores, flattened, n of them).
 *  - label: the index of the largest score; the lowest index wins a tie.
 *  - logits-commitment: a salted Poseidon commitment to the scores, equal to the input commitment of a program whose input
 *    is their tensor in its window (windowOf): networks chain by it.
 *  - score: 1 when scores[index] ≥ threshold, else 0. Threshold in integer units of the scores tensor.
 *  - margin: label + 2^16 · (largest score − largest of the others), of that same label (≥ 0; n ≥ 2).
 *  - value: the single score itself as a field element (n = 1), negative values as p − |v|.
 */
export type OutputSpec =
  | { readonly kind: 'label' }
  | { readonly kind: 'logits-commitment' }
  | { readonly kind: 'score'; readonly index: number; readonly threshold: number }
  | { readonly kind: 'margin' }
  | { readonly kind: 'value' }

/**
 * The input: every element an integer q, min ≤ q ≤ min + 2^bits − 1, which the circuit must prove by decomposing
 * q − min into `bits` bits. Real value = q · scale; so zero is exact, and 8-bit pixels 0…255 are min 0, bits 8, scale 1/255.
 */
export type InputSpec = {
  readonly tensor: TensorId
  readonly bits: number
  readonly min: number
  /** How reals become integers, where not all elements do alike; absent: by the tensor's scale alone. For encoding only. */
  readonly pieces?: readonly InputPiece[] | undefined
  /** The model's inputs, where it has several: neighbours in the tensor, each with its own visibility. */
  readonly parts?: readonly Part[] | undefined
}

/** A run of neighbouring input elements of one meaning: real = (integer − zero) · scale, low ≤ integer ≤ high. */
export type InputPiece = {
  readonly count: number
  readonly scale: number
  readonly zero: number
  readonly low: number
  readonly high: number
  /** Indices, codes, bytes: fractions and numbers outside the range have no meaning. */
  readonly whole: boolean
}

export type IntegerProgram = {
  readonly format: 'cohort-zkml-program'
  readonly version: 1
  readonly name: string
  readonly mode: Mode
  readonly input: InputSpec
  /** The final tensor, which `output` speaks of. */
  readonly scores: TensorId
  readonly output: OutputSpec
  /** The model's outputs, where `scores` is several of them one after the other. */
  readonly outputs?: readonly Part[] | undefined
  /** Every tensor, input and scores included. */
  readonly tensors: readonly IntegerTensor[]
  /** In execution order. */
  readonly layers: readonly IntegerLayer[]
  readonly notes: readonly string[]
  /** SHA-256 of the network and the plan that the program was made from, weights and mode left out (hexadecimal). */
  readonly architecture?: string | undefined
}

/** One committed list of numbers, in the order in which a model commitment absorbs them. */
export type NamedParameter = {
  readonly layer: string
  readonly role: 'weights' | 'bias' | 'scale' | 'table' | 'thresholds'
  readonly parameter: Parameter
}

/**
 * All parameters in commitment order: layers in execution order; inside a layer weights (or scale, table, thresholds), then bias.
 * The order is part of the format: a commitment is over exactly this sequence.
 */
export function programParameters(program: IntegerProgram): NamedParameter[] {
  const list: NamedParameter[] = []
  for (const layer of program.layers) {
    if (layer.kind === 'conv2d' || layer.kind === 'dense') {
      list.push({ layer: layer.name, role: 'weights', parameter: layer.weights })
      list.push({ layer: layer.name, role: 'bias', parameter: layer.bias })
    } else if (layer.kind === 'scale') {
      list.push({ layer: layer.name, role: 'scale', parameter: layer.scale })
      list.push({ layer: layer.name, role: 'bias', parameter: layer.bias })
    } else if (layer.kind === 'lookup') {
      list.push({ layer: layer.name, role: 'table', parameter: layer.table })
    } else if (layer.kind === 'compare' && !layer.fixed) {
      list.push({ layer: layer.name, role: 'thresholds', parameter: layer.thresholds })
    }
  }
  return list
}

/** The tensor of that id. @throws RangeError when the program has none. */
export function tensorOf(program: IntegerProgram, id: TensorId): IntegerTensor {
  const tensor = program.tensors.find((candidate) => candidate.id === id)
  if (tensor === undefined) throw new RangeError(`program ${program.name} has no tensor ${id}`)
  return tensor
}

/**
 * The smallest window min ≤ v < min + 2^bits that holds the bounds, bits ≥ 1: how a circuit ranges and packs a tensor that it
 * commits to. The circuit that makes a tensor and the one that takes it in thus commit to it alike.
 */
export function windowOf({ min, max }: Bounds): { readonly bits: number; readonly min: number } {
  let bits = 1
  while (max - min >= 2 ** bits) bits++
  return { bits, min }
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}
