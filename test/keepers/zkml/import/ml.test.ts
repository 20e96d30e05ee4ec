// SPDX-License-Identifier: GPL-3.0-or-later
// Classical models: files of skl2onnx, XGBoost's and LightGBM's converters, and random ones, beside onnxruntime.
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { fuzzModels } from '../../../../scripts/bench/import/fuzz.ts'
import { outputs } from '../../../../scripts/bench/import/verdict.ts'
import { Random } from '../random.ts'
import { type Attribute, onnxFile } from './onnx-file.ts'

const directory = new URL('./fixtures/ml/', import.meta.url)
const load = (file: string): Uint8Array => readFileSync(new URL(file, directory))
const MODELS = 300
const INPUTS = 25

/** Files of which one output is computed, since the two do not say the same, or the scores cannot be computed. */
const TAKEN: Readonly<Record<string, string>> = {
  'linsvc2.onnx': 'label',
  'svc-linear2.onnx': 'label',
  'svc-linear3.onnx': 'label',
}
const REFUSED: Readonly<Record<string, RegExp>> = {
  'svc-rbf.onnx': /SVMClassifier SVMc: kernel_type RBF/,
  'ridge-norm.onnx': /Normalizer.* divides by a computed value/,
}

/** What onnxruntime makes of a flower: the numbers of each output, by name; a map of scores is left out, as it reads none. */
async function reference(
  session: ort.InferenceSession,
  input: readonly number[],
  zipped: boolean,
): Promise<Record<string, number[]>> {
  const wanted = session.outputNames.filter((name) => !(zipped && name.includes('probabilit')))
  const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', Float32Array.from(input), [1, input.length]) }
  const results = await session.run(feeds, wanted)
  return Object.fromEntries(wanted.map((name) => [name, Array.from(results[name]!.data as Float32Array, Number)]))
}

describe('classical models', function () {
  this.timeout(120_000)
  before(() => {
    ort.env.wasm.numThreads = 1
    ort.env.logLevel = 'fatal'
  })

  for (const file of readdirSync(directory).filter((name) => name.endsWith('.onnx') && REFUSED[name] === undefined))
    it(`compute what onnxruntime computes, as integers too: ${file}`, async () => {
      const take = TAKEN[file]
      const graph = importOnnx(load(file), take === undefined ? {} : { output: take })
      const session = await ort.InferenceSession.create(load(file), { logSeverityLevel: 4 })
      const zipped = file.includes('-zip') || file === 'sgd.onnx'
      const random = new Random(7)
      const flowers = Array.from({ length: INPUTS }, () =>
        [random.list(1, 4, 8), random.list(1, 2, 4.5), random.list(1, 1, 7), random.list(1, 0, 2.5)].flat(),
      )
      const knobs = { inputBits: 16, weightBits: { default: 16 }, activationBits: { default: 16 } }
      const output = graph.shapes.get(graph.output)!.reduce((a, b) => a * b, 1) === 1 ? 'value' : 'label'
      const isLabel = graph.nodes.at(-1)!.op === 'argmax'
      const { program } = calibrate(graph, flowers, {
        mode: 'released',
        output: { kind: isLabel ? 'label' : output },
        knobs,
      })
      proveBounds(program)
      let agreed = 0
      for (const flower of flowers) {
        const results = await reference(session, flower, zipped)
        const found = evaluate(graph, flower).data
        const names = Object.keys(results)
        const label = names.find((name) => name.includes('label'))
        const scores = names.find((name) => name !== label)
        if (!isLabel && scores !== undefined)
          for (const [i, value] of outputs(graph, found).entries())
            expect(value, `${file} ${scores}[${i}]`).to.be.closeTo(results[scores]![i]!, 1e-4)
        const integers = interpret(program, encodeInput(program, flower)).scores
        if (label === undefined) {
          const { scale } = tensorOf(program, program.scores)
          if (Math.abs(integers[0]! * scale - found[0]!) < 0.01) agreed++
          continue
        }
        const expected = results[label]![0]!
        const index = isLabel ? found[0]! : argMax(found)
        if (Number.isFinite(expected)) expect(index, `${file} ${label}`).to.equal(expected)
        if (argMax(integers) === index) agreed++
      }
      // A number near a threshold may be rounded across it.
      expect(agreed).to.be.at.least(INPUTS - 1)
    })

  for (const [file, message] of Object.entries(REFUSED))
    it(`are refused by name: ${file}`, () => {
      expect(() => importOnnx(load(file))).to.throw(CompileError, message)
    })

  it('list the classes behind a label’s index in a note', () => {
    const { notes } = importOnnx(load('logistic-names-zip.onnx'))
    expect(notes).to.include('the label is an index: 0 is setosa, 1 is versicolor, 2 is virginica')
  })

  it('turn a probability of two classes into the score that stands for it', () => {
    const graph = importOnnx(load('boost2.onnx'))
    const flowers = [
      [5.8, 2.7, 4.1, 1],
      [5.1, 3.5, 1.4, 0.2],
      [6.3, 2.9, 5.6, 1.8],
    ]
    const { program } = calibrate(graph, flowers, {
      mode: 'released',
      output: { kind: 'score', index: 1, threshold: 0.5 },
      knobs: { inputBits: 16, weightBits: { default: 16 } },
    })
    const { output } = program
    for (const flower of flowers) {
      const probability = outputs(graph, evaluate(graph, flower).data)[1]!
      const [score] = interpret(program, encodeInput(program, flower)).scores
      expect(output.kind === 'score' && score! >= output.threshold).to.equal(probability >= 0.5)
    }
  })

  it(`compute what onnxruntime computes or are refused by name (${MODELS} random models)`, async () => {
    const counts: Record<string, number> = { equal: 0, refused: 0 }
    const seen = new Set<string>()
    for await (const { seed, verdict, why, model } of fuzzModels(30_001, 30_000 + MODELS)) {
      counts[verdict] = (counts[verdict] ?? 0) + 1
      expect(verdict, `seed ${seed}: ${why} in ${JSON.stringify(model.nodes)}`).to.be.oneOf(['equal', 'refused'])
      if (verdict === 'equal') for (const { op } of model.nodes) seen.add(op)
    }
    expect(counts.equal).to.be.greaterThan(MODELS / 2)
    expect(seen.size).to.equal(7)
  })

  it('read forests in the form of version 5', async () => {
    const attributes = {
      tree_roots: [0, 2],
      nodes_featureids: [0, 1, 1],
      nodes_splits: { tensor: { shape: [3], data: [0.5, -1, 2] } },
      nodes_modes: { tensor: { shape: [3], data: [0, 2, 4], type: 'uint8' as const } },
      nodes_truenodeids: [1, 0, 2],
      nodes_falsenodeids: [1, 0, 3],
      nodes_trueleafs: [0, 1, 1],
      nodes_falseleafs: [1, 1, 1],
      leaf_targetids: [0, 1, 0, 1],
      leaf_weights: { tensor: { shape: [4], data: [1, -2, 3, 0.5] } },
      n_targets: 2,
    }
    const nodes = [{ op: 'TreeEnsemble', domain: 'ai.onnx.ml', inputs: ['x'], outputs: ['y'], attributes }]
    const file = onnxFile({ opset: 21, ml: 5, input: { name: 'x', shape: [1, 2] }, nodes, output: 'y' })
    const graph = importOnnx(file)
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
    for (const x of [0.5, 0.75])
      for (const y of [-2, -1, 2, 3]) {
        const { y: expected } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(x, y), [1, 2]) })
        expect(Array.from(evaluate(graph, [x, y]).data)).to.deep.equal(Array.from(expected!.data as Float32Array))
      }
  })

  describe('of which a part is wrong or unknown', () => {
    const forest = {
      nodes_treeids: [0, 0, 0],
      nodes_nodeids: [0, 1, 2],
      nodes_featureids: [1, 0, 0],
      nodes_values: { floats: [0.5, 0, 0] },
      nodes_modes: { strings: ['BRANCH_LEQ', 'LEAF', 'LEAF'] },
      nodes_truenodeids: [1, 0, 0],
      nodes_falsenodeids: [2, 0, 0],
      target_ids: [0, 0],
      target_nodeids: [1, 2],
      target_treeids: [0, 0],
      target_weights: { floats: [1, 2] },
    }
    const read = (changes: Record<string, Attribute>, op = 'TreeEnsembleRegressor', outputs = ['y']) =>
      importOnnx(
        onnxFile({
          opset: 15,
          ml: 3,
          input: { name: 'x', shape: [1, 2] },
          nodes: [{ op, domain: 'ai.onnx.ml', name: 'model', inputs: ['x'], outputs, attributes: changes }],
          output: outputs.at(-1)!,
        }),
      )
    const wrong: [string, Record<string, Attribute>, RegExp][] = [
      ['a node below itself', { ...forest, nodes_truenodeids: [0, 0, 0] }, /node 0 of tree 0 is reached twice/],
      [
        'a child that does not exist',
        { ...forest, nodes_falsenodeids: [9, 0, 0] },
        /leads to node 9, which does not exist/,
      ],
      ['a feature that is none', { ...forest, nodes_featureids: [2, 0, 0] }, /holds 2; the input has 2 features/],
      [
        'lists of unequal length',
        { ...forest, nodes_values: { floats: [0.5] } },
        /nodes_values holds 1 numbers where 3/,
      ],
      ['a vote for an output that is none', { ...forest, target_ids: [0, 1] }, /votes for 1; there are 1 outputs/],
      ['a mode that is none', { ...forest, nodes_modes: { strings: ['BRANCH', 'LEAF', 'LEAF'] } }, /holds BRANCH;/],
      [
        'a threshold that is not a number',
        { ...forest, nodes_values: { floats: [Number.NaN, 0, 0] } },
        /NaN at position 0/,
      ],
      ['nodes below no root', { ...forest, nodes_treeids: [0, 0, 1] }, /target_nodeids names node 2 of tree 0/],
      ['an aggregate that is none', { ...forest, aggregate_function: 'MEDIAN' }, /MEDIAN; SUM, AVERAGE/],
      [
        'an attribute of another type',
        { ...forest, nodes_values: [1, 0, 0] },
        /nodes_values is of INTS, must be FLOATS/,
      ],
    ]
    for (const [what, attributes, message] of wrong)
      it(what, () => {
        expect(() => read(attributes)).to.throw(CompileError, message)
      })

    it('computes with a label', () => {
      const nodes = [
        {
          op: 'LinearClassifier',
          domain: 'ai.onnx.ml',
          inputs: ['x'],
          outputs: ['label', 'scores'],
          attributes: {
            coefficients: { floats: [1, 0, 0, 1] },
            intercepts: { floats: [0, 0] },
            classlabels_ints: [10, 20],
          },
        },
        { op: 'Cast', inputs: ['label'], outputs: ['number'], attributes: { to: 1 } },
        { op: 'Neg', inputs: ['number'], outputs: ['y'] },
      ]
      const file = onnxFile({ opset: 15, ml: 3, input: { name: 'x', shape: [1, 2] }, nodes, output: 'y' })
      expect(() => importOnnx(file)).to.throw(CompileError, /Neg Neg_2: it computes with the label of a class/)
    })
  })
})

function argMax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
