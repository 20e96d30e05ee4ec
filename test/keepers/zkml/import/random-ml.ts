// SPDX-License-Identifier: GPL-3.0-or-later
// Random models of ai.onnx.ml: forests of every question and aggregate, linear classifiers, support vector machines. Thresholds
// and inputs come from one short list, so that ties are common.
import type { Random } from '../random.ts'
import type { Attribute, Model, Node } from './onnx-file.ts'

const ML = 'ai.onnx.ml'
/** Numbers that inputs and thresholds are drawn from. */
export const LEVELS = [-2, -1, -0.5, 0, 0.25, 1, 2]
const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']

type Votes = { readonly ids: number[]; readonly weights: number[] }
type Kind = (random: Random, features: number) => { readonly node: Node; readonly outputs: readonly string[] }

const KINDS: readonly Kind[] = [forest, forest, forest, forestRegressor, linear, linear, machine, regressors]

/** One model over 1 to 4 features, perhaps behind a Scaler; `outputs` are its label, its scores, both, or a number alone. */
export function randomMl(random: Random): Model {
  const features = random.int(1, 4)
  const nodes: Node[] = []
  let x = 'x'
  if (random.next() < 0.3) {
    const count = random.pick([1, features])
    const attributes = {
      offset: { floats: random.list(count, -1, 1) },
      scale: { floats: random.list(count, -1, 2) },
    }
    nodes.push({ op: 'Scaler', domain: ML, inputs: ['x'], outputs: ['scaled'], attributes })
    x = 'scaled'
  }
  const { node, outputs: all } = random.pick(KINDS)(random, features)
  const outputs = all.length === 2 && random.next() < 0.5 ? [random.pick(all)] : all
  nodes.push({ ...node, inputs: [x] })
  return { opset: 15, ml: 3, input: { name: 'x', shape: [1, features] }, nodes, output: outputs.at(-1)!, outputs }
}

function labels(random: Random, count: number, ints: string): Record<string, Attribute> {
  return random.next() < 0.3
    ? { classlabels_strings: { strings: Array.from({ length: count }, (_, i) => `class ${i}`) } }
    : { [ints]: Array.from({ length: count }, (_, i) => (random.next() < 0.5 ? i : 10 * i)) }
}

function tree(random: Random, features: number, id: number, mode: () => string, vote: (node: number) => void) {
  const lists = { ids: [] as number[], features: [] as number[], values: [] as number[], modes: [] as string[] }
  const [yes, no]: [number[], number[]] = [[], []]
  const grow = (depth: number): number => {
    const at = lists.ids.length
    const leaf = depth > 2 || (depth > 0 && random.next() < 0.3) || (depth === 0 && random.next() < 0.05)
    lists.ids.push(at)
    lists.features.push(leaf ? 0 : random.int(0, features - 1))
    lists.values.push(leaf ? 0 : random.pick(LEVELS))
    lists.modes.push(leaf ? 'LEAF' : mode())
    yes.push(0)
    no.push(0)
    if (leaf) vote(at)
    else {
      yes[at] = grow(depth + 1)
      no[at] = grow(depth + 1)
    }
    return at
  }
  grow(0)
  return { ...lists, yes, no, trees: lists.ids.map(() => id) }
}

/** The lists of a forest whose leaves vote for what `votes` draws. */
function grown(random: Random, features: number, kind: 'class' | 'target', votes: (tree: number) => Votes) {
  const count = random.int(1, 4)
  const mixed = random.next() < 0.4
  const usual = random.pick(MODES.slice(0, 4))
  const cast = { ids: [] as number[], weights: [] as number[], nodes: [] as number[], trees: [] as number[] }
  const trees = Array.from({ length: count }, (_, id) =>
    tree(
      random,
      features,
      id,
      () => (mixed ? random.pick(MODES) : usual),
      (node) => {
        const { ids, weights } = votes(id)
        for (const [i, target] of ids.entries()) {
          cast.ids.push(target)
          cast.weights.push(weights[i]!)
          cast.nodes.push(node)
          cast.trees.push(id)
        }
      },
    ),
  )
  const all = <T>(pick: (each: (typeof trees)[number]) => T[]): T[] => trees.flatMap(pick)
  const attributes: Record<string, Attribute> = {
    nodes_treeids: all((each) => each.trees),
    nodes_nodeids: all((each) => each.ids),
    nodes_featureids: all((each) => each.features),
    nodes_values: { floats: all((each) => each.values) },
    nodes_modes: { strings: all((each) => each.modes) },
    nodes_truenodeids: all((each) => each.yes),
    nodes_falsenodeids: all((each) => each.no),
    [`${kind}_ids`]: cast.ids,
    [`${kind}_weights`]: { floats: cast.weights },
    [`${kind}_nodeids`]: cast.nodes,
    [`${kind}_treeids`]: cast.trees,
  }
  return attributes
}

function forest(random: Random, features: number) {
  const classes = random.int(2, 4)
  const [low, high] = random.pick([
    [0, 1],
    [-1, 1],
  ] as const)
  const way = random.pick(['first', 'every', 'one a tree', 'any'] as const)
  const votes = (id: number): Votes => {
    const ids =
      way === 'first' || (classes === 2 && random.next() < 0.9)
        ? [0]
        : way === 'every'
          ? Array.from({ length: classes }, (_, i) => i)
          : [way === 'any' ? random.int(0, classes - 1) : id % classes]
    return { ids, weights: random.list(ids.length, low, high) }
  }
  const attributes = {
    ...grown(random, features, 'class', votes),
    ...labels(random, classes, 'classlabels_int64s'),
    post_transform: random.pick(['NONE', 'NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO', 'PROBIT']),
    ...(random.next() < 0.3
      ? { base_values: { floats: random.list(classes === 2 ? random.int(1, 2) : classes, -0.5, 0.5) } }
      : {}),
  }
  return { node: classifier('TreeEnsembleClassifier', attributes), outputs: ['label', 'scores'] }
}

function classifier(op: string, attributes: Record<string, Attribute>): Node {
  return { op, domain: ML, inputs: [], outputs: ['label', 'scores'], attributes }
}

function forestRegressor(random: Random, features: number) {
  const targets = random.int(1, 2)
  const votes = (): Votes => {
    const ids = random.next() < 0.9 ? Array.from({ length: targets }, (_, i) => i) : [0]
    return { ids, weights: random.list(ids.length, -1, 1) }
  }
  const attributes = {
    ...grown(random, features, 'target', votes),
    n_targets: targets,
    aggregate_function: random.pick(['SUM', 'SUM', 'AVERAGE', 'MIN', 'MAX']),
    ...(random.next() < 0.3 ? { base_values: { floats: random.list(targets, -1, 1) } } : {}),
  }
  const node = { op: 'TreeEnsembleRegressor', domain: ML, inputs: [], outputs: ['y'], attributes }
  return { node, outputs: ['y'] }
}

function linear(random: Random, features: number) {
  const classes = random.int(2, 4)
  const rows = classes === 2 && random.next() < 0.5 ? 1 : classes
  const coefficients = random.list(rows * features, -1, 1)
  const intercepts = random.list(rows, -1, 1)
  if (rows === 2 && random.next() < 0.5) {
    for (let f = 0; f < features; f++) coefficients[f] = -coefficients[features + f]!
    intercepts[0] = -intercepts[1]!
  }
  const attributes = {
    coefficients: { floats: coefficients },
    intercepts: { floats: intercepts },
    ...labels(random, classes, 'classlabels_ints'),
    post_transform: random.pick(['NONE', 'LOGISTIC', 'SOFTMAX']),
  }
  return { node: classifier('LinearClassifier', attributes), outputs: ['label', 'scores'] }
}

function machine(random: Random, features: number) {
  const classes = random.int(2, 4)
  const counts = Array.from({ length: classes }, () => random.int(1, 3))
  const total = counts.reduce((a, b) => a + b)
  const attributes = {
    kernel_type: random.pick(['LINEAR', 'LINEAR', 'LINEAR', 'RBF']),
    kernel_params: { floats: [0.5, 0, 3] },
    vectors_per_class: counts,
    support_vectors: { floats: random.list(total * features, -1, 1) },
    coefficients: { floats: random.list(total * (classes - 1), -1, 1) },
    rho: { floats: random.list((classes * (classes - 1)) / 2, -0.5, 0.5) },
    ...labels(random, classes, 'classlabels_ints'),
  }
  return { node: classifier('SVMClassifier', attributes), outputs: ['label', 'scores'] }
}

function regressors(random: Random, features: number) {
  if (random.next() < 0.5) {
    const targets = random.int(1, 3)
    const attributes = {
      coefficients: { floats: random.list(targets * features, -1, 1) },
      intercepts: { floats: random.list(targets, -1, 1) },
      targets,
    }
    return {
      node: { op: 'LinearRegressor', domain: ML, inputs: [], outputs: ['y'], attributes },
      outputs: ['y'],
    }
  }
  const count = random.int(0, 3)
  const attributes: Record<string, Attribute> = {
    kernel_type: 'LINEAR',
    kernel_params: { floats: [0.5, 0, 3] },
    n_supports: count,
    coefficients: { floats: random.list(count === 0 ? features : count, -1, 1) },
    ...(count === 0 ? {} : { support_vectors: { floats: random.list(count * features, -1, 1) } }),
    rho: { floats: random.list(1, -1, 1) },
  }
  return { node: { op: 'SVMRegressor', domain: ML, inputs: [], outputs: ['y'], attributes }, outputs: ['y'] }
}
