// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that are made of others: Einsum, attention, rotary positions, updates at constant places. Beside onnxruntime, or where
// it lacks one, beside loops that follow the standard's words.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import { CompileError, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { type Constant, type Model, type Node, onnxFile } from './onnx-file.ts'

function model(shape: readonly number[], node: Omit<Node, 'outputs'>, more: Partial<Model> = {}): Model {
  const { constants = {}, opset = 18 } = more
  return { opset, input: { name: 'x', shape }, output: 'y', nodes: [{ ...node, outputs: ['y'] }], constants }
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const random = new Random(5)
const numbers = (...shape: number[]): Constant => ({ shape, data: random.list(size(shape), -1, 1) })
const whole = (shape: number[], ...data: number[]): Constant => ({ shape, data, type: 'int64' })

async function same(each: Model): Promise<void> {
  ort.env.wasm.numThreads = 1
  const file = onnxFile(each)
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
  const shape = each.input.shape as number[]
  const graph = importOnnx(file)
  for (let i = 0; i < 2; i++) {
    const input = random.list(size(shape), -2, 2)
    const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), shape) })
    close(evaluate(graph, input).data, Array.from(results.y!.data as Float32Array, Number))
  }
  await session.release()
}

function close(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).to.equal(expected.length)
  for (const [k, value] of expected.entries()) expect(found[k], `element ${k}`).to.be.closeTo(value, 1e-4)
}

function refused(each: Model, message: RegExp): void {
  expect(() => importOnnx(onnxFile(each))).to.throw(CompileError, message)
}

describe('Einsum', function () {
  this.timeout(60_000)
  const einsum = (equation: string, shape: readonly number[], others: Readonly<Record<string, Constant>> = {}): Model =>
    model(
      shape,
      { op: 'Einsum', inputs: ['x', ...Object.keys(others)], attributes: { equation } },
      { constants: others },
    )

  for (const [equation, shape, ...others] of [
    ['ij->ji', [2, 3]],
    ['ij->', [2, 3]],
    ['ij->j', [2, 3]],
    ['ij', [2, 3]],
    ['ba', [2, 3]],
    ['ii->i', [3, 3]],
    ['iij->j', [3, 3, 2]],
    ['ii', [3, 3]],
    ['...ij->...ji', [2, 3, 4]],
    ['bij,bjk->bik', [2, 3, 4], [2, 4, 5]],
    ['bij, bjk', [2, 3, 4], [2, 4, 5]],
    ['ij,jk->ik', [3, 4], [4, 2]],
    ['ij,kj->ik', [3, 4], [5, 4]],
    ['ij,ij->i', [3, 4], [3, 4]],
    ['i,j->ij', [3], [4]],
    ['i,i->', [3], [3]],
    ['bqhd,bkhd->bhqk', [1, 3, 2, 4], [1, 5, 2, 4]],
    ['bhqk,bkhd->bqhd', [1, 2, 3, 5], [1, 5, 2, 4]],
    ['ij,jk,kl->il', [2, 3], [3, 4], [4, 2]],
    ['ab,cb,b->ac', [2, 3], [4, 3], [3]],
    ['...ij,jk->...ik', [2, 3, 4], [4, 5]],
    ['...ij,...jk', [2, 3, 4], [1, 4, 5]],
    ['ijk,l->i', [2, 3, 2], [3]],
    ['Ab,bA->A', [2, 3], [3, 2]],
  ] as readonly [string, number[], ...number[][]][])
    it(`computes ${equation} of ${[shape, ...others].map((each) => `[${each}]`).join(', ')} as onnxruntime does`, () =>
      same(einsum(equation, shape, Object.fromEntries(others.map((each, i) => [`c${i}`, numbers(...each)])))))

  it('multiplies two computed values', () =>
    same(model([3, 4], { op: 'Einsum', inputs: ['x', 'x'], attributes: { equation: 'ij,kj->ik' } })))

  it('refuses equations that say nothing, and axes that differ', () => {
    const two = { c: numbers(3, 2) }
    for (const [equation, others, message] of [
      ['ij->k', {}, /the output's axis k is of no input/],
      ['ij->ii', {}, /an axis of the output comes twice/],
      ['ijk->i', {}, /the term ijk of an input with 2 axes/],
      ['i->i', {}, /the term i of an input with 2 axes/],
      ['i1->i', {}, /the term i1/],
      ['ij,jk->ik', {}, /2 terms for 1 inputs/],
      ['ij->j->i', {}, /1 terms for 1 inputs|terms for/],
      ['ij,jk->ik', two, /axis j has 4 elements in one input and 3 in another/],
      ['ii->i', {}, /a diagonal of axes of 3 and 4 elements/],
      ['i...,...->i', two, /its ellipses stand for 1, 2 axes/],
      ['......->', {}, /the term \.\.\.\.\.\./],
    ] as [string, Record<string, Constant>, RegExp][])
      refused(einsum(equation, [3, 4], others), message)
  })
})

describe('attention', function () {
  this.timeout(60_000)
  const attention = (
    shape: number[],
    inputs: (Constant | 'x' | null)[],
    attributes: Node['attributes'] = {},
    outputs = ['y'],
  ): Model => ({
    ...{ opset: 23, input: { name: 'x', shape }, output: 'y' },
    nodes: [
      {
        op: 'Attention',
        inputs: inputs.map((each, i) => (each === null ? '' : each === 'x' ? 'x' : `c${i}`)),
        outputs,
        attributes,
      },
    ],
    constants: Object.fromEntries(
      inputs.flatMap((each, i) => (each === null || each === 'x' ? [] : [[`c${i}`, each] as const])),
    ),
  })
  const lets = (shape: number[], ...data: number[]): Constant => ({ shape, data, type: 'bool' })
  const minus = Number.NEGATIVE_INFINITY

  for (const [what, each] of [
    ['of one tensor with itself', attention([1, 2, 3, 4], ['x', 'x', 'x'])],
    ['of constants', attention([1, 2, 3, 4], ['x', numbers(1, 2, 5, 4), numbers(1, 2, 5, 3)])],
    ['with a scale', attention([1, 2, 3, 4], ['x', 'x', 'x'], { scale: { float: 0.7 } })],
    ['that looks back only', attention([1, 2, 3, 4], ['x', 'x', 'x'], { is_causal: 1 })],
    [
      'over fewer keys, looking back only',
      attention([1, 2, 5, 4], ['x', numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)], { is_causal: 1 }),
    ],
    ['with a mask that is added', attention([1, 1, 2, 4], ['x', 'x', 'x', numbers(2, 2)])],
    ['with −∞ in its mask', attention([1, 2, 2, 4], ['x', 'x', 'x', { shape: [2, 2], data: [0, minus, 0.5, 0] }])],
    ['with a mask that lets through', attention([1, 2, 2, 4], ['x', 'x', 'x', lets([1, 1, 2, 2], 1, 0, 1, 1)])],
    ['with both', attention([1, 2, 2, 4], ['x', 'x', 'x', lets([2, 2], 1, 1, 1, 0)], { is_causal: 1 })],
    ['of shared heads', attention([1, 4, 3, 4], ['x', numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)])],
    ['of three axes', attention([1, 3, 8], ['x', 'x', 'x'], { q_num_heads: 2, kv_num_heads: 2 })],
    [
      'of three axes and shared heads',
      attention([1, 3, 8], ['x', numbers(1, 3, 4), numbers(1, 3, 4)], { q_num_heads: 2, kv_num_heads: 1 }),
    ],
    ['with a soft cap', attention([1, 2, 3, 4], ['x', 'x', 'x'], { softcap: { float: 2 } })],
    [
      'after a cache',
      attention([1, 2, 3, 4], ['x', 'x', 'x', null, numbers(1, 2, 2, 4), numbers(1, 2, 2, 4)], {}, ['y', 'k', 'v']),
    ],
  ] as const)
    it(`${what} is what onnxruntime computes`, () => same(each))

  it('refuses cases that ONNX leaves open', () => {
    const cache = [null, numbers(1, 2, 2, 4), numbers(1, 2, 2, 4)]
    for (const [each, message] of [
      [attention([1, 2, 3, 4], ['x', 'x', 'x', ...cache], { is_causal: 1 }), /is_causal = 1 with past_key/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x', null, cache[1]!]), /past_key and past_value go together/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x'], { q_num_heads: 2, kv_num_heads: 2 }), /are for inputs of 3 axes/],
      [attention([1, 3, 8], ['x', 'x', 'x']), /0 heads of 8 numbers/],
      [attention([1, 3, 8], ['x', 'x', 'x'], { q_num_heads: 3, kv_num_heads: 3 }), /3 heads of 8 numbers/],
      [attention([1, 3, 3, 4], ['x', numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]), /3 heads of queries share 2/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x', numbers(3, 2)]), /a mask of 2 keys; there are 3/],
      [attention([1, 2, 2, 4], ['x', 'x', 'x', lets([2, 2], 0, 0, 1, 1)]), /all that it chooses from is masked/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x'], { scale: { float: -1 } }), /scale = -1/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x'], { softcap: { float: -1 } }), /softcap = -1/],
      [attention([1, 2, 3, 4], ['x', 'x', 'x'], { qk_matmul_output_mode: 4 }), /qk_matmul_output_mode = 4/],
    ] as const)
      refused(each, message)
  })
})

describe('rotary positions', function () {
  this.timeout(60_000)
  const rotary = (shape: number[], caches: Constant[], attributes: Node['attributes'] = {}): Model =>
    model(
      shape,
      { op: 'RotaryEmbedding', inputs: ['x', ...caches.map((_, i) => `c${i}`)], attributes },
      {
        opset: 23,
        constants: Object.fromEntries(caches.map((each, i) => [`c${i}`, each])),
      },
    )

  it('turn pairs of numbers as onnxruntime does', async () => {
    for (const interleaved of [0, 1]) {
      await same(rotary([1, 2, 3, 4], [numbers(1, 3, 2), numbers(1, 3, 2)], { interleaved }))
      await same(rotary([1, 3, 8], [numbers(1, 3, 2), numbers(1, 3, 2)], { interleaved, num_heads: 2 }))
      const places = whole([1, 3], 4, 0, 2)
      await same(rotary([1, 2, 3, 4], [numbers(5, 2), numbers(5, 2), places], { interleaved }))
      await same(rotary([1, 2, 3, 6], [numbers(5, 2), numbers(5, 2), places], { interleaved, rotary_embedding_dim: 4 }))
    }
  })

  it('are refused where caches do not fit', () => {
    for (const [each, message] of [
      [rotary([1, 2, 3, 4], [numbers(1, 3, 3), numbers(1, 3, 3)]), /cache \[1,3,3\] where \[1,3,2\] is needed/],
      [rotary([1, 2, 3, 4], [numbers(5, 2), numbers(5, 2), whole([1, 3], 0, 1, 5)]), /index 5 is outside/],
      [rotary([1, 3, 8], [numbers(1, 3, 2), numbers(1, 3, 2)]), /0 heads of 8/],
      [
        rotary([1, 2, 3, 4], [numbers(1, 3, 2), numbers(1, 3, 2)], { rotary_embedding_dim: 3 }),
        /rotary_embedding_dim = 3/,
      ],
      [rotary([3, 4], [numbers(1, 3, 2), numbers(1, 3, 2)]), /3 or 4 axes are needed/],
    ] as const)
      refused(each, message)
  })
})

describe('updates at constant places', function () {
  this.timeout(60_000)
  const scatter = (
    op: string,
    shape: number[],
    indices: Constant,
    updates: Constant,
    attributes: Node['attributes'] = {},
  ) => model(shape, { op, inputs: ['x', 'i', 'u'], attributes }, { constants: { i: indices, u: updates } })

  it('are put where onnxruntime puts them', async () => {
    await same(scatter('ScatterElements', [3, 3], whole([2, 3], 1, 0, 2, 0, 2, 1), numbers(2, 3)))
    await same(scatter('ScatterElements', [1, 5], whole([1, 2], 1, -2), numbers(1, 2), { axis: 1 }))
    await same(scatter('ScatterElements', [2, 5], whole([1, 2], 1, 3), numbers(1, 2), { axis: -1 }))
    await same(scatter('ScatterND', [4, 3], whole([2, 1], 3, -4), numbers(2, 3)))
    await same(scatter('ScatterND', [2, 2, 3], whole([1, 2, 2], 0, 1, 1, 0), numbers(1, 2, 3)))
    await same(scatter('ScatterND', [3], whole([0, 1]), numbers(0)))
    for (const op of ['ScatterElements', 'ScatterND']) {
      const twice = op === 'ScatterND' ? whole([3, 1], 1, 1, 2) : whole([3, 2], 1, 1, 1, 0, 2, 2)
      await same(scatter(op, [4, 2], twice, numbers(3, 2), { reduction: 'add' }))
    }
  })

  it('may be what the network computes, into data that are constant or computed', async () => {
    const i = whole([2, 1], 2, 0)
    for (const inputs of [
      ['c', 'i', 'x'],
      ['z', 'i', 'x'],
    ])
      for (const reduction of ['none', 'add'])
        await same({
          ...{ opset: 18, input: { name: 'x', shape: [2, 3] }, output: 'y' },
          nodes: [
            { op: 'Concat', inputs: ['x', 'x'], outputs: ['z'], attributes: { axis: 0 } },
            { op: 'ScatterND', inputs, outputs: ['y'], attributes: { reduction } },
          ],
          constants: { i, c: numbers(4, 3) },
        })
    // Constants alone are put together at once.
    await same({
      ...{ opset: 18, input: { name: 'x', shape: [4, 3] }, output: 'y' },
      nodes: [
        { op: 'ScatterND', inputs: ['c', 'i', 'u'], outputs: ['s'], attributes: { reduction: 'max' } },
        { op: 'Mul', inputs: ['x', 's'], outputs: ['y'] },
      ],
      constants: { i, c: numbers(4, 3), u: numbers(2, 3) },
    })
  })

  it('are refused where they are not settled', () => {
    const updates = numbers(2, 3)
    for (const [each, message] of [
      [scatter('ScatterND', [4, 3], whole([2, 1], 1, 1), updates), /two updates go to element 3/],
      [scatter('ScatterND', [4, 3], whole([2, 1], 1, 4), updates), /index 4 is outside an axis of length 4/],
      [scatter('ScatterND', [4, 3], whole([2, 1], 1, -5), updates), /index -5 is outside/],
      [
        scatter('ScatterND', [4, 3], whole([2, 1], 1, 0), numbers(2, 2)),
        /updates \[2,2\] where the indices say \[2,3\]/,
      ],
      [scatter('ScatterND', [4, 3], whole([1, 3], 1, 0, 0), numbers(1)), /indices \[1,3\] of data \[4,3\]/],
      [
        scatter('ScatterND', [4, 3], whole([2, 1], 1, 0), updates, { reduction: 'max' }),
        /reduction = max of computed values/,
      ],
      [scatter('ScatterND', [4, 3], whole([2, 1], 1, 0), updates, { reduction: 'sub' }), /reduction = sub; none, add/],
      [scatter('ScatterElements', [4, 3], whole([2, 3], 0, 0, 0, 0, 1, 1), updates), /two updates go to element 0/],
      [
        scatter('ScatterElements', [4, 3], whole([2, 4], 0, 0, 0, 0, 1, 1, 1, 1), updates),
        /indices \[2,4\] do not fit/,
      ],
      [
        scatter('ScatterND', [4, 3], whole([2, 1], 1, 0), { shape: [2, 3], data: [1, 2, Number.NaN, 4, 5, 6] }),
        /holds NaN/,
      ],
    ] as const)
      refused(each, message)
    const computed: Model = {
      ...{ opset: 18, input: { name: 'x', shape: [4, 3] }, output: 'y', constants: { u: numbers(4, 3) } },
      nodes: [
        { op: 'ArgMax', inputs: ['x'], outputs: ['i'], attributes: { axis: 1 } },
        { op: 'ScatterND', inputs: ['x', 'i', 'u'], outputs: ['y'] },
      ],
    }
    refused(computed, /ScatterND ScatterND_1: its indices must be a constant/)
  })
})
