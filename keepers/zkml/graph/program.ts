// SPDX-License-Identifier: GPL-3.0-or-later
// The integer program: the quantised network, every number resolved. A circuit computes exactly this, bit for bit;
// quantise/interpret.ts is the executable definition, and where a comment here is short, the interpreter decides.
import type { Part } from './types.ts'

/** Integers held in float64 slots; every value is a safe integer, |v| ≤ VALUE_LIMIT. */
export type Integers = Float64Array

/** No bound may pass this, so that float64 arithmetic of the interpreter is exact. */
export const VALUE_LIMIT = 2 ** 52

/** Inclusive integer interval. */
export type Bounds = { readonly min: number; readonly max: number }

export type TensorId = string

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

type Base = {
  /** Unique, and a valid circom identifier: [a-zA-Z][a-zA-Z0-9_]*. */
  readonly name: string
  readonly inputs: readonly TensorId[]
  readonly output: TensorId
  /** Names of the graph nodes that this layer carries out. */
  readonly sources: readonly string[]
}

/**
 * Weights and biases of a layer. Released: constants. Committed: part of the witness; `values` are the present owner's numbers. The
 * circuit must hold for all w with min ≤ w ≤ max where [min, max] = [−2^(bits−1), 2^(bits−1) − 1], and must prove that range.
 */
export type Parameter = {
  readonly values: Integers
  readonly bits: number
  /** Released biases: the amount in each value beyond the model's own number, such as half a divisor. Never committed to. */
  readonly added?: number | undefined
}

/**
 * out[y, x, o] = bias[o] + Σ_{i, j, c} in[y·sy + i·dy − top, x·sx + j·dx − left, g·cg + c] · weights[i, j, c, o], with
 * cg = cin / groups, g = ⌊o / (cout / groups)⌋, and zero outside the input. 0 constraints when released.
 */
export type Conv2dLayer = Base & {
  readonly kind: 'conv2d'
  /** [h, w, cin] */
  readonly inShape: readonly [number, number, number]
  /** [oh, ow, cout] */
  readonly outShape: readonly [number, number, number]
  /** [kh, kw] */
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  readonly padding: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }
  readonly groups: number
  /** Row-major [kh, kw, cin / groups, cout]. */
  readonly weights: Parameter
  /** [cout] */
  readonly bias: Parameter
}

/** out[o] = bias[o] + Σ_i in[i] · weights[i · outputs + o], over the flattened input. 0 constraints when released. */
export type DenseLayer = Base & {
  readonly kind: 'dense'
  readonly inputSize: number
  readonly outputSize: number
  /** Row-major [inputSize, outputSize]. */
  readonly weights: Parameter
  /** [outputSize] */
  readonly bias: Parameter
}

/**
 * out[o] = bias[o] + Σ_{k = offsets[o]}^{offsets[o+1] − 1} in[indices[k]] · coefficients[k]: pooling sums, reductions,
 * constant scalings. The numbers are public constants of the architecture in BOTH modes, never part of a commitment.
 * `in` is the concatenation of the flattened inputs (several inputs: the sum of two branches). 0 constraints.
 */
export type SparseLayer = Base & {
  readonly kind: 'sparse'
  /** outputs + 1 entries, compressed-row format. */
  readonly offsets: Int32Array
  readonly indices: Int32Array
  readonly coefficients: Integers
  /** One per output. */
  readonly bias: Integers
}

/**
 * An elementwise weight: out[i] = in[i] · scale[i % n] + bias[i % n], n = scale.values.length, the last axis (or all of
 * it). Only what could not be folded into a neighbouring conv2d or dense. 0 constraints released, 1 an element committed.
 */
export type ScaleLayer = Base & { readonly kind: 'scale'; readonly scale: Parameter; readonly bias: Parameter }

/** out[i] = map[i] < 0 ? fill : (concatenation of the flattened inputs)[map[i]]. 0 constraints. */
export type SelectLayer = Base & { readonly kind: 'select'; readonly map: Int32Array; readonly fill: number }

/**
 * v = ⌊in / 2^shift⌋ (floor also for negative values: an arithmetic shift), then the activation. The input's bounds
 * fit: −2^(bits−1) ≤ in < 2^(bits−1). Circuit: decompose in + 2^(bits−1) into exactly `bits` bits; the top bit is
 * s = [in ≥ 0]; v = Σ_{i ≥ shift} 2^(i−shift)·bit_i − 2^(bits−1−shift).
 *  - identity: out = v                                                      (bits constraints)
 *  - relu:     out = s · v                                                  (bits + 1)
 *  - leaky:    out = numerator · v + (2^log2Denominator − numerator) · s·v  (bits + 1)
 *    which is 2^log2Denominator · leaky(v): the denominator goes into the scale, nothing is rounded twice.
 * When the input's lower bound is ≥ 0 (`unsigned` true) no sign is needed: decompose `in` itself into exactly `bits`
 * bits, 0 ≤ in < 2^bits, out = v (bits constraints; activation is then identity).
 * `held`: the bounds alone do not prove that the input fits; the circuit does, and an input outside has no proof.
 * Round-half-up is had by adding 2^(shift−1) to the bias before; the layer itself always floors. 0 ≤ shift < bits.
 * With shift 0 and identity the layer exists only if it is held.
 */
export type RescaleLayer = Base & {
  readonly kind: 'rescale'
  readonly shift: number
  readonly bits: number
  readonly unsigned: boolean
  readonly held?: true | undefined
  readonly activation:
    | { readonly kind: 'identity' }
    | { readonly kind: 'relu' }
    | { readonly kind: 'leaky'; readonly numerator: number; readonly log2Denominator: number }
}

/**
 * out[o] = max over k of in[windows[o][k]]. All windows list at least one element; those at a padded edge are shorter.
 * `bits`: |a − b| < 2^bits for any two elements of one window. Circuit: a tournament, max(a, b) = b + s·(a − b) with
 * s = [a ≥ b] the top bit of a − b + 2^bits in exactly bits + 1 bits: (n − 1)·(bits + 2) constraints for n elements. A ReLU
 * never hides in here: max commutes with it, so the rescale that follows does it on a quarter of the elements.
 */
export type MaxPoolLayer = Base & {
  readonly kind: 'maxpool'
  /** Flat input indices, one list an output. */
  readonly windows: readonly Int32Array[]
  readonly bits: number
}

/** out[i] = a[i] · b[i]; inputs [a, b] of one shape, the same id twice for a square. 1 constraint an element. */
export type MultiplyLayer = Base & { readonly kind: 'multiply' }

/**
 * out = slopes[j] · in + intercepts[j] where j = #{k : breakpoints[k] ≤ in}; one more slope than breakpoints, which
 * ascend strictly and lie inside (bounds.min, bounds.max] of the input. Circuit: one comparator bit g_k = [in ≥ breakpoints[k]]
 * each, from a decomposition of in − breakpoints[k] + 2^(bits−1) into `bits` bits (−2^(bits−1) ≤ in − breakpoint < 2^(bits−1) for
 * all); out = slopes[0]·in + intercepts[0] + Σ_k g_k · ((slopes[k+1]−slopes[k])·in + intercepts[k+1]−intercepts[k]).
 */
export type PiecewiseLayer = Base & {
  readonly kind: 'piecewise'
  readonly breakpoints: readonly number[]
  readonly slopes: readonly number[]
  readonly intercepts: readonly number[]
  readonly bits: number
}

/**
 * A curve as 2^select straight lines of equal length: v = ⌊(in − low) / 2^shift⌋, j = ⌊v / 2^(bits − shift − select)⌋,
 * out = slopes[j] · v + intercepts[j]. The circuit proves low ≤ in < low + 2^bits, which need not follow from the bounds: an
 * input outside has no proof. Circuit: `bits` constraints for the range; the highest `select` bits choose the line by
 * 2^select − select − 1 products of theirs, and one constraint is the line.
 *
 * With `tails` the lines cover 2^width inputs from `low` on, and `bits` counts the bits of in − low as a signed number. Beyond them
 * u = v cut off to 0 … 2^(width − shift) − 1 takes the place of v, and below · (v − u) or above · (v − u) is added. An input on a
 * side with tail null has no proof.
 */
export type SplineLayer = Base & {
  readonly kind: 'spline'
  readonly low: number
  readonly bits: number
  readonly shift: number
  readonly select: number
  readonly slopes: readonly number[]
  readonly intercepts: readonly number[]
  readonly tails?: { readonly width: number; readonly below: number | null; readonly above: number | null } | undefined
}

/**
 * out[p · width + d] = table[in[p] · width + d]; 0 ≤ in[p] < rows. Circuit: boolean selectors s_v for v < rows, Σ s_v = 1,
 * Σ v·s_v = in[p]; out = Σ s_v · table[v] (products when the table is committed).
 */
export type LookupLayer = Base & {
  readonly kind: 'lookup'
  readonly rows: number
  readonly width: number
  /** Row-major [rows, width]. */
  readonly table: Parameter
}

/**
 * out[p · width + i] = bit i of in[p], lowest first; 0 ≤ in[p] < 2^width. Circuit: these are the bits of the range check of in[p]
 * (width constraints per position, and a linear one).
 */
export type BitsLayer = Base & { readonly kind: 'bits'; readonly width: number }

/**
 * out[i] = 1 where in[positions[i]] ≥ thresholds[i], else 0. Circuit: the top bit of in − threshold + 2^(bits−1) in exactly `bits` bits
 * (−2^(bits−1) ≤ in − threshold < 2^(bits−1) for every admissible input and threshold). `equal`: where they are equal, by an inverse
 * (3 constraints, whatever the bits). `fixed` thresholds are constants of the architecture in both modes, never part of a
 * commitment. With constant thresholds equal comparisons are made once.
 */
export type CompareLayer = Base & {
  readonly kind: 'compare'
  readonly positions: Int32Array
  readonly relation: 'at-least' | 'equal'
  /** One per output. */
  readonly thresholds: Parameter
  readonly fixed: boolean
  readonly bits: number
}

/**
 * out[i] = the place in windows[i] of its largest element, the first one on ties; all windows of one length ≥ 2. `bits` as for
 * maxpool. Circuit: the place is a witness, and no element is larger, none before it as large: about n (bits + 3) for n elements.
 */
export type ArgMaxLayer = Base & {
  readonly kind: 'argmax'
  readonly windows: readonly Int32Array[]
  readonly bits: number
}

/**
 * Which leaves of decision trees are reached, 1 or 0; in[n] is the decision at inner node n, 0 or 1. parents[n] is −1 for a root,
 * which is always reached. For any other node it is 2·p + d with p < n: n is reached when p is reached and in[p] = d. leaves[l]
 * says the same of leaf l = out[l]. One constraint for each inner node that is not a root.
 */
export type PathsLayer = Base & { readonly kind: 'paths'; readonly parents: Int32Array; readonly leaves: Int32Array }

export type IntegerLayer =
  | Conv2dLayer
  | DenseLayer
  | SparseLayer
  | ScaleLayer
  | SelectLayer
  | RescaleLayer
  | MaxPoolLayer
  | MultiplyLayer
  | PiecewiseLayer
  | SplineLayer
  | LookupLayer
  | BitsLayer
  | CompareLayer
  | ArgMaxLayer
  | PathsLayer

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
