// SPDX-License-Identifier: GPL-3.0-or-later
// Random ONNX networks over one image: whatever an exporter might chain, with shapes that fit.
import type { Random } from '../random.ts'
import type { Constant, Model, Node } from './onnx-file.ts'

type State = {
  readonly random: Random
  readonly nodes: Node[]
  readonly constants: Record<string, Constant>
  value: string
  /** [channels, height, width], or [features] once flat. */
  shape: number[]
}

/** A network of 3 to 7 operators over [1, c, h, w] and a dense head. `exact`: only operators without curves. */
export function randomOnnx(random: Random): Model {
  const shape = [random.int(1, 4), random.int(4, 9), random.int(4, 9)]
  const state: State = { random, nodes: [], constants: {}, value: 'x', shape: [...shape] }
  const steps = random.int(3, 7)
  for (let i = 0; i < steps; i++) random.pick(IMAGE_STEPS)(state)
  flatten(state)
  if (random.next() < 0.7) activation(state)
  dense(state)
  const batch = random.next() < 0.5 ? 'batch' : 1
  return {
    opset: 13,
    input: { name: 'x', shape: [batch, ...shape] },
    output: state.value,
    nodes: state.nodes,
    constants: state.constants,
  }
}

function emit(
  state: State,
  op: string,
  inputs: readonly string[],
  attributes: Node['attributes'],
  shape: number[],
): void {
  const output = `v${state.nodes.length}`
  state.nodes.push({ op, inputs, outputs: [output], attributes: attributes ?? {} })
  state.value = output
  state.shape = shape
}

function constant(state: State, shape: readonly number[], low: number, high: number): string {
  const name = `c${Object.keys(state.constants).length}`
  const data = state.random.list(
    shape.reduce((a, b) => a * b, 1),
    low,
    high,
  )
  state.constants[name] = { shape, data, typed: state.random.next() < 0.3 }
  return name
}

function integers(state: State, data: readonly number[]): string {
  const name = `c${Object.keys(state.constants).length}`
  state.constants[name] = { shape: [data.length], data, type: 'int64', typed: state.random.next() < 0.5 }
  return name
}

const IMAGE_STEPS: readonly ((state: State) => void)[] = [
  convolution,
  convolution,
  convolution,
  pool,
  pool,
  activation,
  activation,
  batchNorm,
  arithmetic,
  branch,
  slice,
  pad,
  transpose,
  concatenate,
  split,
]

function windowAttributes(
  state: State,
  kernel: readonly [number, number],
  dilation: number,
): { attributes: Record<string, number | number[] | string>; shape: [number, number] } {
  const { random } = state
  const [, height, width] = state.shape as [number, number, number]
  const strides = [random.int(1, 2), random.int(1, 2)]
  const extents = kernel.map((k) => (k - 1) * dilation + 1)
  const attributes: Record<string, number | number[] | string> = { kernel_shape: [...kernel], strides }
  if (dilation > 1) attributes.dilations = [dilation, dilation]
  const lengths = [height, width]
  // onnxruntime itself refuses auto_pad with dilation, and where strides leave gaps.
  const explicit = dilation > 1 || kernel.some((k, i) => k < strides[i]!)
  const mode = random.pick(
    explicit ? (['none', 'pads'] as const) : (['none', 'pads', 'SAME_UPPER', 'SAME_LOWER'] as const),
  )
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    attributes.auto_pad = mode
    return { attributes, shape: lengths.map((n, i) => Math.ceil(n / strides[i]!)) as [number, number] }
  }
  const pads =
    mode === 'pads' ? Array.from({ length: 4 }, (_, i) => random.int(0, Math.min(2, kernel[i % 2]! - 1))) : [0, 0, 0, 0]
  if (mode === 'pads') attributes.pads = pads
  const shape = lengths.map((n, i) => Math.floor((n + pads[i]! + pads[i + 2]! - extents[i]!) / strides[i]!) + 1)
  return { attributes, shape: shape as [number, number] }
}

function convolution(state: State): void {
  const { random } = state
  const [channels, height, width] = state.shape as [number, number, number]
  const dilation = random.next() < 0.25 ? 2 : 1
  const kernel: [number, number] = [random.int(1, 3), random.int(1, 3)]
  const { attributes, shape } = windowAttributes(state, kernel, dilation)
  if (shape.some((length) => length < 1) || (kernel[0] - 1) * dilation >= height || (kernel[1] - 1) * dilation >= width)
    return
  const groups = random.next() < 0.3 ? channels : 1
  const out = groups * random.int(1, 3)
  const weights = constant(state, [out, channels / groups, ...kernel], -0.6, 0.6)
  const inputs = [state.value, weights]
  if (random.next() < 0.7) inputs.push(constant(state, [out], -0.5, 0.5))
  emit(state, 'Conv', inputs, { ...attributes, group: groups }, [out, ...shape])
}

function pool(state: State): void {
  const { random } = state
  const [channels, height, width] = state.shape as [number, number, number]
  const kernel: [number, number] = [random.int(1, 3), random.int(1, 3)]
  if (kernel[0] > height || kernel[1] > width) return
  const { attributes, shape } = windowAttributes(state, kernel, 1)
  if (shape.some((length) => length < 1)) return
  const kind = random.pick(['MaxPool', 'AveragePool'])
  if (kind === 'AveragePool' && random.next() < 0.5) attributes.count_include_pad = 1
  emit(state, kind, [state.value], attributes, [channels, ...shape])
}

function activation(state: State): void {
  const { random } = state
  const [op, attributes, ...inputs] = random.pick<() => [string, Node['attributes'], ...string[]]>([
    () => ['Relu', {}],
    () => ['LeakyRelu', { alpha: { float: random.pick([0.25, 0.1]) } }],
    () => ['Clip', {}, constant(state, [], -1, 0), constant(state, [], 0.5, 2)],
    () => ['Sigmoid', {}],
    () => ['Tanh', {}],
    () => ['HardSigmoid', {}],
  ])()
  emit(state, op, [state.value, ...inputs], attributes, state.shape)
}

function batchNorm(state: State): void {
  const [channels] = state.shape as [number]
  const inputs = [
    constant(state, [channels], 0.5, 1.5),
    constant(state, [channels], -0.3, 0.3),
    constant(state, [channels], -0.3, 0.3),
    constant(state, [channels], 0.5, 1.5),
  ]
  emit(state, 'BatchNormalization', [state.value, ...inputs], {}, state.shape)
}

function arithmetic(state: State): void {
  const { random } = state
  const [channels, height, width] = state.shape as [number, number, number]
  const shape = random.pick([[], [1], [channels, 1, 1], [1, channels, 1, 1], [height, width], [width]])
  const op = random.pick(['Add', 'Sub', 'Mul', 'Div'])
  const other = constant(state, shape, 0.5, 1.5)
  const swapped = op !== 'Div' && random.next() < 0.4
  emit(state, op, swapped ? [other, state.value] : [state.value, other], {}, state.shape)
}

/** x and f(x) meet again: a residual sum, a gate, a difference. */
function branch(state: State): void {
  const { random } = state
  const before = state.value
  activation(state)
  emit(state, random.pick(['Add', 'Mul', 'Sub']), [before, state.value], {}, state.shape)
}

function slice(state: State): void {
  const { random } = state
  const [channels, height, width] = state.shape as [number, number, number]
  if (height < 3) return
  const start = random.int(0, 1)
  const inputs = [integers(state, [start]), integers(state, [-1]), integers(state, [2])]
  emit(state, 'Slice', [state.value, ...inputs], {}, [channels, height - 1 - start, width])
}

function pad(state: State): void {
  const { random } = state
  const [channels, height, width] = state.shape as [number, number, number]
  const [top, left, bottom, right] = [random.int(0, 1), random.int(0, 1), random.int(0, 2), random.int(0, 1)]
  const pads = integers(state, [0, 0, top, left, 0, 0, bottom, right])
  const inputs = [state.value, pads]
  if (random.next() < 0.3) inputs.push(constant(state, [], 0, 1))
  emit(state, 'Pad', inputs, {}, [channels, height + top + bottom, width + left + right])
}

function transpose(state: State): void {
  const [channels, height, width] = state.shape as [number, number, number]
  const [perm, shape] = state.random.pick<[number[], number[]]>([
    [
      [0, 1, 3, 2],
      [channels, width, height],
    ],
    [
      [0, 2, 1, 3],
      [height, channels, width],
    ],
    [
      [0, 3, 1, 2],
      [width, channels, height],
    ],
  ])
  emit(state, 'Transpose', [state.value], { perm }, shape)
}

function concatenate(state: State): void {
  const [channels, height, width] = state.shape as [number, number, number]
  if (channels > 12) return
  const before = state.value
  activation(state)
  emit(state, 'Concat', [before, state.value], { axis: 1 }, [2 * channels, height, width])
}

function split(state: State): void {
  const [channels, height, width] = state.shape as [number, number, number]
  if (channels < 2) return
  const first = state.random.int(1, channels - 1)
  const outputs = [`s${state.nodes.length}a`, `s${state.nodes.length}b`]
  state.nodes.push({
    op: 'Split',
    inputs: [state.value, integers(state, [first, channels - first])],
    outputs,
    attributes: { axis: 1 },
  })
  state.value = outputs[0]!
  state.shape = [first, height, width]
}

function flatten(state: State): void {
  const { random } = state
  const size = state.shape.reduce((a, b) => a * b, 1)
  const [channels] = state.shape as [number]
  const way = random.int(0, 3)
  if (way === 0) emit(state, 'Flatten', [state.value], {}, [size])
  else if (way === 1) emit(state, 'Reshape', [state.value, integers(state, [0, -1])], {}, [size])
  else if (way === 2) {
    emit(state, random.pick(['GlobalAveragePool', 'GlobalMaxPool']), [state.value], {}, [channels, 1, 1])
    emit(state, 'Squeeze', [state.value, integers(state, [2, 3])], {}, [channels])
  } else emit(state, 'ReduceMean', [state.value], { axes: [2, -1], keepdims: 0 }, [channels])
}

function dense(state: State): void {
  const { random } = state
  const [features] = state.shape as [number]
  const out = random.int(2, 5)
  if (random.next() < 0.5) {
    const transB = random.int(0, 1)
    const weights = constant(state, transB === 1 ? [out, features] : [features, out], -0.5, 0.5)
    emit(state, 'Gemm', [state.value, weights, constant(state, [out], -0.5, 0.5)], { transB, beta: { float: 0.5 } }, [
      out,
    ])
  } else {
    emit(state, 'MatMul', [state.value, constant(state, [features, out], -0.5, 0.5)], {}, [out])
    emit(state, 'Add', [state.value, constant(state, [out], -0.5, 0.5)], {}, [out])
  }
}
