// SPDX-License-Identifier: GPL-3.0-or-later
// The layers of an integer program, with each layer's function and its circuit. quantise/interpret.ts is the executable definition, and
// where a comment here is short, the interpreter decides.

/** Integers held in float64 slots; every value is a safe integer, |v| ≤ VALUE_LIMIT. */
export type Integers = Float64Array

/** Names a tensor of the program. */
export type TensorId = string

type Base = {
  /** Unique, and a valid circom identifier: [a-zA-Z][a-zA-Z0-9_]*. */
  readonly name: string
  readonly inputs: readonly TensorId[]
  readonly output: TensorId
  /** Names of the graph nodes that this layer carries out. */
  readonly sources: readonly string[]
}

/**
 * Weights and biases of a layer. Released: constants. Committed: witness; `values` are the present owner's numbers,
 * the circuit must hold for all w with min ≤ w ≤ max where [min, max] = [−2^(bits−1), 2^(bits−1) − 1], and it must
 * prove that range.
 */
export type Parameter = {
  readonly values: Integers
  readonly bits: number
  /** Released biases: the excess of each value over the model's own number, such as half a divisor. Never committed to. */
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
 * With shift 0 and identity there is no such layer, unless it is held.
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
 * With `tails` the lines cover 2^width inputs from `low` on, and `bits` is the width of in − low as a signed number. Beyond them u = v cut
 * off to 0 … 2^(width − shift) − 1 takes the place of v, and below · (v − u) or above · (v − u) is added. Where a tail is null, an input on
 * that side has no proof.
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
 * out[p · width + i] = bit i of in[p], lowest first; 0 ≤ in[p] < 2^width. Circuit: these bits come from the range check of in[p] (width
 * constraints per position, and a linear one).
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
 * Which leaves of decision trees are reached, 1 or 0; in[n] is 0 or 1, the decision at inner node n. parents[n] is −1 for a root, which is
 * always reached, else 2·p + d with p < n: n is reached where p is and in[p] = d. leaves[l] says the same of leaf l = out[l].
 * One constraint for each inner node that is not a root.
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
