// SPDX-License-Identifier: GPL-3.0-or-later
// The float graph: an importer hands it to the quantiser. Small, typed, channels-last, one sample at a time.

/** Row-major dense tensor of float64 values. `data.length` is the product of `shape`; a scalar has shape []. */
export type Tensor = { readonly shape: readonly number[]; readonly data: Float64Array }

/** Name of a value that flows between nodes; unique in a graph. */
export type ValueName = string

/** Zero padding in elements, added before and after the two spatial axes. */
export type Padding = { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number }

/** A pair for the spatial axes [height, width]; one-dimensional layers use height 1. */
export type Pair = readonly [number, number]

type Unary = { readonly name: string; readonly input: ValueName; readonly output: ValueName }
type Nary = { readonly name: string; readonly inputs: readonly ValueName[]; readonly output: ValueName }

/**
 * Cross-correlation, channels last. Input [h, w, cin], weights [kh, kw, cin / groups, cout], bias [cout].
 * Output channel o reads input channels of group ⌊o / (cout / groups)⌋; depthwise means groups = cin.
 */
export type Conv2dNode = Unary & {
  readonly op: 'conv2d'
  readonly weights: Tensor
  readonly bias: Tensor
  readonly strides: Pair
  readonly dilations: Pair
  readonly padding: Padding
  readonly groups: number
}

/** x · W + b over the last axis. Input […, in], weights [in, out], bias [out]. */
export type DenseNode = Unary & { readonly op: 'dense'; readonly weights: Tensor; readonly bias: Tensor }

/**
 * Window pooling over [h, w, c]. Padding never wins a maximum and is left out of an average's count; where a format
 * counts it (ONNX count_include_pad), the importer pads with zeros by a select before.
 */
export type PoolNode = Unary & {
  readonly op: 'pool'
  readonly kind: 'max' | 'average'
  readonly window: Pair
  readonly strides: Pair
  readonly dilations: Pair
  readonly padding: Padding
}

/**
 * Curves that become a table of straight lines, wrong by an amount that calibration states. `elu` is gain · x from 0 up and
 * gain · alpha · (exp(x / width) − 1) below; `silu` is x · sigmoid(alpha · x); `power` is x^exponent.
 */
export type SmoothFunction =
  | {
      readonly kind:
        | 'exp'
        | 'log'
        | 'sqrt'
        | 'reciprocal'
        | 'erf'
        | 'gelu'
        | 'gelu-tanh'
        | 'softplus'
        | 'mish'
        | 'softsign'
        | 'sin'
        | 'cos'
        | 'atan'
        | 'sinh'
        | 'cosh'
        | 'asinh'
        | 'tan'
        | 'asin'
        | 'acos'
        | 'acosh'
        | 'atanh'
    }
  | { readonly kind: 'elu'; readonly alpha: number; readonly gain: number; readonly width: number }
  | { readonly kind: 'silu'; readonly alpha: number }
  | { readonly kind: 'power'; readonly exponent: number }
  | { readonly kind: 'composed'; readonly of: Expression }

/** A function of one number x, written down: several elementwise nodes in a row become one table. */
export type Expression =
  | { readonly is: 'x' }
  | { readonly is: 'affine'; readonly factor: number; readonly offset: number; readonly of: Expression }
  | { readonly is: 'apply'; readonly fn: ActivationFunction; readonly of: Expression }
  | {
      readonly is: BinaryNode['kind']
      readonly left: Expression
      readonly right: Expression
    }

/** Functions of one element. Polynomial coefficients are listed from the constant term up. */
export type ActivationFunction =
  | SmoothFunction
  | { readonly kind: 'relu' }
  | { readonly kind: 'leaky-relu'; readonly slope: number }
  | { readonly kind: 'clip'; readonly min: number; readonly max: number }
  | { readonly kind: 'sigmoid' }
  | { readonly kind: 'tanh' }
  /** max(0, min(1, slope · x + offset)); tfjs and ONNX both default to slope 0.2, offset 0.5. */
  | { readonly kind: 'hard-sigmoid'; readonly slope: number; readonly offset: number }
  | { readonly kind: 'polynomial'; readonly coefficients: readonly number[] }

/** `within`: the interval that contains the input by construction, whatever calibration sees; an end may be missing. */
export type ActivationNode = Unary & {
  readonly op: 'activation'
  readonly fn: ActivationFunction
  readonly within?: { readonly min?: number; readonly max?: number }
}

/** scale ⊙ x + shift with constants that broadcast (NumPy rules) to the shape of x: BatchNorm, Add/Mul of constants. */
export type AffineNode = Unary & { readonly op: 'affine'; readonly scale: Tensor; readonly shift: Tensor }

/** a + b, a − b or a ⊙ b of two values that broadcast (NumPy rules); `gate`: a ⊙ b of which a is 0 or 1. */
export type BinaryNode = Nary & { readonly op: 'binary'; readonly kind: 'add' | 'subtract' | 'multiply' | 'gate' }

export type ConcatNode = Nary & { readonly op: 'concat'; readonly axis: number }

/**
 * Any operator that only moves values: output element i is input element map[i], or `fill` where map[i] = −1.
 * Slice, Pad, Transpose, Reshape, Flatten, Squeeze, Expand and Gather with constant indices all become this.
 */
export type SelectNode = Unary & {
  readonly op: 'select'
  readonly shape: readonly number[]
  readonly map: Int32Array
  readonly fill: number
}

export type ReduceNode = Unary & {
  readonly op: 'reduce'
  readonly kind: 'sum' | 'mean'
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

/** Rows of a constant table chosen by integer input values in [0, table.shape[0]). Output […input, width]. */
export type EmbeddingNode = Unary & { readonly op: 'embedding'; readonly table: Tensor }

/** The lowest `width` bits of input values in [0, 2^width), lowest first, each 0 or 1. Output […input, width]. */
export type BitsNode = Unary & { readonly op: 'bits'; readonly width: number }

/** Index of the largest element over the last axis; the lowest index wins a tie. One number as the last node: the label. */
export type ArgMaxNode = Unary & { readonly op: 'argmax' }

/**
 * 1 where x[positions[i]] ≥ thresholds[i] (> where strict[i] is 1), else 0; `equal`: where they are equal, which is for whole
 * numbers. Positions are flat indices. Output of the thresholds' shape.
 */
export type CompareNode = Unary & {
  readonly op: 'compare'
  readonly relation: 'at-least' | 'equal'
  readonly positions: Int32Array
  readonly thresholds: Tensor
  readonly strict: Uint8Array
  /** The thresholds are the architecture's, public in both modes, rather than the model's. */
  readonly fixed: boolean
}

/**
 * out[o] = constants[o] + Σ_k coefficients[k] · x[positions[k]], k from offsets[o] to offsets[o + 1] − 1. Its numbers are the
 * architecture's, never the model's: public in both modes.
 */
export type LinearNode = Unary & {
  readonly op: 'linear'
  readonly offsets: Int32Array
  readonly positions: Int32Array
  readonly coefficients: Float64Array
  readonly constants: Float64Array
  readonly shape: readonly number[]
}

/** round(x / step) + zero, halves to the even number, kept in [min, max]: a whole number. `down`: ⌊x / step⌋ instead. */
export type QuantiseNode = Unary & {
  readonly op: 'quantise'
  readonly down?: true
  readonly step: number
  readonly zero: number
  readonly min: number
  readonly max: number
}

/** factor · x with factor > 0, which costs nothing: the integers stay, and stand for something else. */
export type ScaledNode = Unary & { readonly op: 'scaled'; readonly factor: number }

/** Which leaves of decision trees are reached, by the decisions at inner nodes; see PathsLayer. Output [leaves.length]. */
export type PathsNode = Unary & { readonly op: 'paths'; readonly parents: Int32Array; readonly leaves: Int32Array }

export type GraphNode =
  | Conv2dNode
  | DenseNode
  | PoolNode
  | ActivationNode
  | AffineNode
  | BinaryNode
  | ConcatNode
  | SelectNode
  | ReduceNode
  | EmbeddingNode
  | BitsNode
  | CompareNode
  | PathsNode
  | LinearNode
  | QuantiseNode
  | ScaledNode
  | ArgMaxNode

/**
 * A last operator that an importer left out, since it changes no order of the scores. `logistic`: of each score alone;
 * `normalised`: a logistic or a Softmax, divided by what makes up all of them.
 */
export type SoftmaxKind = 'softmax' | 'log-softmax' | 'logistic' | 'normalised'

/** One of several inputs or outputs of a file, in the flat list that holds them all. */
export type Part = { readonly name: string; readonly count: number }

/** A network of one input and one output, for one sample: no batch axis. Nodes are in topological order. */
export type Graph = {
  readonly name: string
  /** `whole`: of an integer type; nothing but whole numbers may be put in. */
  readonly input: {
    readonly name: ValueName
    readonly shape: readonly number[]
    readonly whole?: boolean
    /** The file's inputs, where it has several; the shape is then flat. */
    readonly parts?: readonly Part[]
  }
  readonly nodes: readonly GraphNode[]
  readonly output: ValueName
  /** Shape of every value, the input included. */
  readonly shapes: ReadonlyMap<ValueName, readonly number[]>
  /** The importer's notes for the owner, e.g. that it dropped a final Softmax. */
  readonly notes: readonly string[]
  /** The output is what this operator, dropped at the end, would have been applied to. */
  readonly dropped?: SoftmaxKind
  /** The output is several of the file's, one after the other: no label can be read off them. */
  readonly outputs?: readonly Part[]
}

/** The values that a node reads. */
export function nodeInputs(node: GraphNode): readonly ValueName[] {
  return 'inputs' in node ? node.inputs : [node.input]
}
