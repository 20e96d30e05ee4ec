// SPDX-License-Identifier: GPL-3.0-or-later
// Bodies and functions in ONNX files, beside onnxruntime: which branch, how many steps, whose names.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import { CompileError, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { type Body, type Model, type Node, onnxFile } from './onnx-file.ts'

const SHAPE = [1, 3, 4]
const whole = (...data: number[]) => ({ shape: [data.length], data, type: 'int64' as const })
const bit = (value: number, shape: number[] = []) => ({ shape, data: [value], type: 'bool' as const })

function model(nodes: readonly Node[], more: Partial<Model> = {}): Model {
  return { opset: 17, input: { name: 'x', shape: SHAPE }, output: 'y', nodes, ...more }
}

/** What the importer computes is what onnxruntime computes. */
async function same(each: Model): Promise<void> {
  ort.env.wasm.numThreads = 1
  const file = onnxFile(each)
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
  const graph = importOnnx(file)
  const random = new Random(11)
  for (let i = 0; i < 3; i++) {
    const input = random.list(12, -2, 2)
    const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), SHAPE) })
    const expected = Array.from(results[each.output]!.data as Float32Array, Number)
    const found = Array.from(evaluate(graph, input).data)
    expect(found.length).to.equal(expected.length)
    for (const [k, value] of expected.entries()) expect(found[k]).to.be.closeTo(value, 1e-4)
  }
  await session.release()
}

const branch = (op: string): Body => ({ outputs: ['made'], nodes: [{ op, inputs: ['x'], outputs: ['made'] }] })
const choice = (condition: string, more: Node['attributes'] = {}): Node => ({
  op: 'If',
  inputs: [condition],
  outputs: ['y'],
  attributes: { then_branch: { graph: branch('Tanh') }, else_branch: { graph: branch('Relu') }, ...more },
})
/** total ← total · 0.5 + x; collects its totals. */
const BODY: Body = {
  inputs: [{ name: 'i', type: 'int64', shape: [] }, { name: 'on', type: 'bool', shape: [] }, { name: 'total' }],
  outputs: ['going', 'next', 'seen'],
  nodes: [
    { op: 'Identity', inputs: ['on'], outputs: ['going'] },
    { op: 'Mul', inputs: ['total', 'half'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 'x'], outputs: ['next'] },
    { op: 'Identity', inputs: ['next'], outputs: ['seen'] },
  ],
  constants: { half: { shape: [], data: [0.5] } },
}
const loop = (inputs: readonly string[], outputs: readonly string[], body: Body): Node => ({
  op: 'Loop',
  inputs,
  outputs,
  attributes: { body: { graph: body } },
})

describe('bodies in ONNX files', function () {
  this.timeout(60_000)

  it('take the branch that a constant names, however the file makes it', async () => {
    for (const value of [0, 1]) {
      await same(model([choice('c')], { constants: { c: bit(value) } }))
      await same(model([choice('c')], { constants: { c: bit(value, [1]) } }))
    }
    // As exporters write a squeeze: by the length of an axis.
    await same(
      model(
        [
          { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
          { op: 'Gather', inputs: ['shape', 'first'], outputs: ['length'] },
          { op: 'Equal', inputs: ['length', 'one'], outputs: ['is'] },
          {
            op: 'If',
            inputs: ['is'],
            outputs: ['y'],
            attributes: {
              then_branch: {
                graph: {
                  outputs: ['s'],
                  nodes: [{ op: 'Squeeze', inputs: ['x', 'axes'], outputs: ['s'] }],
                  constants: { axes: whole(0) },
                },
              },
              else_branch: { graph: branch('Identity') },
            },
          },
        ],
        { constants: { first: { shape: [], data: [0], type: 'int64' }, one: { shape: [], data: [1], type: 'int64' } } },
      ),
    )
  })

  it('are unrolled step by step, see the names around them, and collect their outputs', async () => {
    for (const outputs of [
      ['y', 'seen'],
      ['last', 'y'],
    ])
      await same(
        model([loop(['n', 'on', 'start'], outputs, BODY)], {
          constants: {
            n: { shape: [], data: [4], type: 'int64' },
            on: bit(1),
            start: { shape: [3, 1], data: [1, 2, 3] },
          },
        }),
      )
    // No condition; and one that ends after two of nine steps.
    const stopping: Body = {
      ...BODY,
      nodes: [{ op: 'Less', inputs: ['i', 'two'], outputs: ['going'] }, ...BODY.nodes.slice(1)],
      constants: { ...BODY.constants, two: { shape: [], data: [2], type: 'int64' } },
    }
    const constants = {
      n: { shape: [], data: [9], type: 'int64' as const },
      start: { shape: [3, 4], data: new Array(12).fill(1) },
    }
    await same(model([loop(['n', '', 'start'], ['y', 'all'], BODY)], { constants }))
    await same(model([loop(['n', '', 'start'], ['end', 'y'], stopping)], { constants }))
    const never = { ...constants, on: bit(0) }
    await same(
      model(
        [
          loop(['n', 'on', 'x'], ['z'], { ...BODY, outputs: ['going', 'next'] }),
          { op: 'Neg', inputs: ['z'], outputs: ['y'] },
        ],
        { constants: never },
      ),
    )
  })

  it('scan an axis in either direction, and stack their outputs along another', async () => {
    const body: Body = {
      inputs: [{ name: 'sum' }, { name: 'part' }],
      outputs: ['next', 'said'],
      nodes: [
        { op: 'Mul', inputs: ['sum', 'decay'], outputs: ['less'] },
        { op: 'Add', inputs: ['less', 'part'], outputs: ['next'] },
        { op: 'Relu', inputs: ['next'], outputs: ['said'] },
      ],
      constants: { decay: { shape: [], data: [0.9] } },
    }
    for (const [from, to, axis, out] of [
      [0, 0, 1, 0],
      [1, 0, 1, 1],
      [0, 1, -1, -1],
      [1, 1, 2, 2],
    ] as const) {
      const attributes = {
        ...{ body: { graph: body }, num_scan_inputs: 1, scan_input_axes: [axis], scan_input_directions: [from] },
        ...{ scan_output_axes: [out], scan_output_directions: [to] },
      }
      const start = { shape: [1, axis === 1 ? 4 : 3], data: new Array(axis === 1 ? 4 : 3).fill(0.5) }
      for (const outputs of [
        ['y', 'other'],
        ['other', 'y'],
      ])
        await same(model([{ op: 'Scan', inputs: ['start', 'x'], outputs, attributes }], { constants: { start } }))
    }
  })

  it('may be inside each other', async () => {
    const inner = loop(['two', '', 'next'], ['deep'], {
      inputs: [{ name: 'k', type: 'int64', shape: [] }, { name: 'c', type: 'bool', shape: [] }, { name: 'v' }],
      outputs: ['c2', 'w'],
      nodes: [
        { op: 'Identity', inputs: ['c'], outputs: ['c2'] },
        { op: 'Sub', inputs: ['v', 'total'], outputs: ['w'] },
      ],
    })
    const outer: Body = {
      ...BODY,
      outputs: ['going', 'deep'],
      nodes: [...BODY.nodes.slice(0, 3), inner],
      constants: { ...BODY.constants, two: { shape: [], data: [2], type: 'int64' } },
    }
    const constants = { n: { shape: [], data: [3], type: 'int64' as const } }
    await same(model([loop(['n', '', 'x'], ['y'], outer)], { constants }))
  })

  it('are refused where the network decides, and where they break the format', () => {
    const refused = (each: Model, message: RegExp) =>
      expect(() => importOnnx(onnxFile(each))).to.throw(CompileError, message)
    const zero = { shape: [1], data: [0] }
    const computed: Node[] = [
      { op: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: { keepdims: 0 } },
      { op: 'Greater', inputs: ['sum', 'zero'], outputs: ['c'] },
    ]
    refused(model([...computed, choice('c')], { constants: { zero } }), /If If_2: the network computes its condition/)
    refused(
      model([choice('c')], { constants: { c: { shape: [2], data: [1, 0], type: 'bool' } } }),
      /its condition is not a single boolean/,
    )
    const unknown = {
      then_branch: { graph: { outputs: ['made'], nodes: [{ op: 'Shrink', inputs: ['x'], outputs: ['made'] }] } },
    }
    refused(model([choice('c', unknown)], { constants: { c: bit(1) } }), /not supported: Shrink/)
    const missing = {
      then_branch: { graph: { outputs: ['made'], nodes: [{ op: 'Relu', inputs: ['nowhere'], outputs: ['made'] }] } },
    }
    refused(model([choice('c', missing)], { constants: { c: bit(1) } }), /nothing computes its input nowhere/)
    const shadow = {
      then_branch: { graph: { outputs: ['x'], nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['x'] }] } },
    }
    refused(model([choice('c', shadow)], { constants: { c: bit(1) } }), /its output x is computed already/)
    const many = { n: { shape: [], data: [1e6], type: 'int64' as const } }
    refused(model([loop(['n', '', 'x'], ['y', 'z'], BODY)], { constants: many }), /more than 512 steps/)
    refused(model([loop(['', '', 'x'], ['y', 'z'], BODY)]), /more than 512 steps/)
    const none = { n: { shape: [], data: [0], type: 'int64' as const } }
    refused(model([loop(['n', '', 'x'], ['z', 'y'], BODY)], { constants: none }), /its body never runs/)
    const leaving: Body = {
      ...BODY,
      nodes: [
        { op: 'ReduceMax', inputs: ['total'], outputs: ['top'], attributes: { keepdims: 0 } },
        { op: 'Less', inputs: ['top', 'half'], outputs: ['going'] },
        ...BODY.nodes.slice(1),
      ],
    }
    const three = { n: { shape: [], data: [3], type: 'int64' as const } }
    refused(
      model([loop(['n', '', 'x'], ['y', 'z'], leaving)], { constants: three }),
      /computes its condition after step 1/,
    )
    refused(model([loop(['n', ''], ['y'], BODY)], { constants: three }), /takes 3 and gives 3 for 0 values/)
    const count = { body: { graph: BODY }, num_scan_inputs: 4 }
    refused(
      model([{ op: 'Scan', inputs: ['x'], outputs: ['y'], attributes: count }]),
      /num_scan_inputs = 4 of 1 inputs/,
    )
  })
})

describe('functions that an ONNX file defines', function () {
  this.timeout(60_000)
  const leaky = {
    name: 'Steep',
    inputs: ['v', 'extra'],
    outputs: ['w'],
    attributes: ['slope'],
    defaults: { shift: { float: 0.25 } },
    nodes: [
      { op: 'LeakyRelu', inputs: ['v'], outputs: ['a'], attributes: { alpha: { reference: 'slope', type: 1 } } },
      { op: 'Elu', inputs: ['a'], outputs: ['b'], attributes: { alpha: { reference: 'shift', type: 1 } } },
      { op: 'Clip', inputs: ['b', '', 'extra'], outputs: ['w'] },
    ],
  } as const
  const call = (inputs: string[], outputs: string[], attributes: Node['attributes']): Node => ({
    op: 'Steep',
    domain: 'local',
    inputs,
    outputs,
    ...(attributes === undefined ? {} : { attributes }),
  })

  it('are replaced by their nodes, with attributes of the call, defaults, and omitted inputs', async () => {
    const constants = { top: { shape: [], data: [0.5] } }
    await same(
      model(
        [
          call(['x', 'top'], ['u'], { slope: { float: 0.3 } }),
          call(['u'], ['y'], { slope: { float: 0.1 }, shift: { float: 2 } }),
        ],
        { constants, functions: [leaky] },
      ),
    )
    const twice = {
      name: 'Twice',
      inputs: ['v'],
      outputs: ['w'],
      nodes: [call(['v'], ['a'], { slope: { float: 0.5 } }), call(['a'], ['w'], { slope: { float: 0.2 } })],
    }
    await same(model([{ op: 'Twice', domain: 'local', inputs: ['x'], outputs: ['y'] }], { functions: [leaky, twice] }))
  })

  it('are refused where they call themselves, take the place of an operator, or are called wrongly', () => {
    const refused = (each: Model, message: RegExp) =>
      expect(() => importOnnx(onnxFile(each))).to.throw(CompileError, message)
    const own = { name: 'Steep', inputs: ['v'], outputs: ['w'], nodes: [call(['v'], ['w'], {})] }
    refused(model([call(['x'], ['y'], {})], { functions: [own] }), /nested deeper than 16/)
    refused(model([call(['x'], ['y'], {})], { functions: [leaky] }), /attribute slope is missing/)
    // Its 20,000 nodes count as often as it is run: fourteen times are too many, long before it is nested too deep.
    const nodes = Array.from({ length: 20_000 }, (_, i) => ({
      ...(i === 0 ? { op: 'F0', domain: 'local' } : { op: 'Relu' }),
      ...{ inputs: [i === 0 ? 'v' : `w${i - 1}`], outputs: [`w${i}`] },
    }))
    const functions = [{ name: 'F0', inputs: ['v'], outputs: ['w19999'], nodes }]
    refused(model([{ op: 'F0', domain: 'local', inputs: ['x'], outputs: ['y'] }], { functions }), /too many nodes/)
    const slope = { slope: { float: 0.1 } }
    refused(
      model([call(['x'], ['y'], { ...slope, other: 1 })], { functions: [leaky] }),
      /the function has no attribute other/,
    )
    refused(
      model([call(['x', 'x', 'x'], ['y'], slope)], { functions: [leaky] }),
      /3 inputs and 1 outputs of a function with 2 and 1/,
    )
    refused(model([call(['x'], ['y'], slope)], { functions: [leaky, leaky] }), /defines local.Steep twice/)
    refused(model([call(['x'], ['y'], slope)], { functions: [{ ...leaky, domain: '' }] }), /redefines ai.onnx.Steep/)
    refused(
      model([{ op: 'Steeper', domain: 'local', inputs: ['x'], outputs: ['y'] }], { functions: [leaky] }),
      /not supported: local.Steeper/,
    )
  })
})
