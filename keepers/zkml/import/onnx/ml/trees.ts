// SPDX-License-Identifier: GPL-3.0-or-later
// Ensembles of decision trees: every question is a comparison, every leaf a path of answers, the scores a matrix over leaves. Labels and
// scores of classifiers follow onnxruntime, which defines more cases than the standard.
import { tensor } from '../../../graph/tensor.ts'
import type { ValueName } from '../../../graph/types.ts'
import type { Handler, Invocation } from '../invocation.ts'
import { type Result, values } from '../operand.ts'
import { classLabels, featuresOf, numbers, postTransform } from './attributes.ts'
import { columns, type Judged, labelOf, row, type Scoring, score, transformed } from './classes.ts'
import { isLeaf, type Leaf, leavesOf, type Question, readForest, readForest5, type Tree } from './forest.ts'

export const TREE_HANDLERS: Readonly<Record<string, Handler>> = {
  TreeEnsembleClassifier: classifier,
  TreeEnsembleRegressor: (call) => {
    const aggregate = call.string('aggregate_function', 'SUM')
    const trees = readForest(call, 'target', featuresOf(call))
    return regressor(call, trees, aggregate, call.int('n_targets', 1), numbers(call, 'base_values') ?? [])
  },
  TreeEnsemble: (call) => {
    const post = call.int('post_transform', 0)
    if (post !== 0) call.fail('unsupported-attribute', `post_transform ${post}; only 0 (NONE) is supported`)
    const aggregate = ['AVERAGE', 'SUM', 'MIN', 'MAX'][call.int('aggregate_function', 1)] ?? 'unknown'
    return regressor(call, readForest5(call, featuresOf(call)), aggregate, call.int('n_targets', 1), [])
  },
}

/** Indicators of all leaves [leaves], and the weights that each of them, and the trees without a question, add to the outputs. */
type Grown = { readonly leaves: ValueName; readonly scoring: Scoring }

function grown(call: Invocation, trees: readonly Tree[], targets: number): Grown {
  const parents: number[] = []
  const ends: number[] = []
  const questions: Question[] = []
  const leaves: Leaf[] = []
  const bias = new Float64Array(targets)
  const plant = (tree: Tree, from: number): void => {
    if (isLeaf(tree)) {
      ends.push(from)
      leaves.push(tree)
      return
    }
    const at = parents.length
    parents.push(from)
    questions.push(tree.question)
    const { whenOne, whenZero } = sidesOf(tree.question, tree)
    plant(whenZero, 2 * at)
    plant(whenOne, 2 * at + 1)
  }
  for (const tree of trees) {
    for (const { votes } of leavesOf(tree))
      for (const { target } of votes)
        if (!(target >= 0 && target < targets))
          call.fail('malformed-file', `a leaf votes for ${target}; there are ${targets} outputs`)
    if (isLeaf(tree)) for (const { target, weight } of tree.votes) bias[target]! += weight
    else plant(tree, -1)
  }
  if (parents.length === 0)
    return call.fail('unsupported-attribute', 'no tree asks anything: its output does not depend on the input')
  const weights = new Float64Array(leaves.length * targets)
  for (const [l, { votes }] of leaves.entries())
    for (const { target, weight } of votes) weights[l * targets + target]! += weight
  const { builder, name } = call
  const reached = builder.unary(`${name}.leaves`, answers(call, questions), {
    op: 'paths',
    parents: Int32Array.from(parents),
    leaves: Int32Array.from(ends),
  })
  return {
    leaves: reached,
    scoring: { weights: tensor([leaves.length, targets], weights), bias: tensor([targets], bias) },
  }
}

/** The circuit compares with ≥, > or =, so for ≤, < and ≠ the answer 1 means false. */
function sidesOf({ branch }: Question, { whenTrue, whenFalse }: { whenTrue: Tree; whenFalse: Tree }) {
  const swapped = branch === 'BRANCH_LEQ' || branch === 'BRANCH_LT' || branch === 'BRANCH_NEQ'
  return swapped ? { whenOne: whenFalse, whenZero: whenTrue } : { whenOne: whenTrue, whenZero: whenFalse }
}

/** 0 or 1 for each question: orders first, equalities after them, then in the order of the questions. */
function answers(call: Invocation, questions: readonly Question[]): ValueName {
  const { builder, name } = call
  const isEqual = ({ branch }: Question): boolean => branch === 'BRANCH_EQ' || branch === 'BRANCH_NEQ'
  const ask = (relation: 'at-least' | 'equal', asked: readonly Question[]): ValueName =>
    builder.unary(`${name}.questions`, call.value(0), {
      op: 'compare',
      relation,
      fixed: false,
      positions: Int32Array.from(asked, ({ feature }) => feature),
      thresholds: tensor(
        [asked.length],
        asked.map(({ value }) => value),
      ),
      strict: Uint8Array.from(asked, ({ branch }) => (branch === 'BRANCH_LEQ' || branch === 'BRANCH_GT' ? 1 : 0)),
    })
  const [orders, equals] = [questions.filter((each) => !isEqual(each)), questions.filter(isEqual)]
  if (equals.length === 0) return ask('at-least', orders)
  if (orders.length === 0) return ask('equal', equals)
  const parts = [ask('at-least', orders), ask('equal', equals)]
  const all = builder.nary(`${name}.all`, parts, { op: 'concat', axis: 0 })
  const places = [0, orders.length]
  const map = Int32Array.from(questions, (question) => places[isEqual(question) ? 1 : 0]!++)
  return builder.select(`${name}.answers`, all, map, [questions.length])
}

function regressor(
  call: Invocation,
  trees: readonly Tree[],
  aggregate: string,
  targets: number,
  base: readonly number[],
): Result[] {
  const post = call.hasAttribute('nodes_treeids') ? call.string('post_transform', 'NONE') : 'NONE'
  if (post !== 'NONE')
    call.fail('unsupported-attribute', `post_transform ${post}; of a regressor only NONE is supported`)
  if (targets < 1) call.fail('malformed-file', `n_targets = ${targets}`)
  if (base.length !== 0 && base.length !== targets)
    call.fail('malformed-file', `base_values holds ${base.length} numbers for ${targets} targets`)
  const added = Float64Array.from({ length: targets }, (_, k) => base[k] ?? 0)
  if (aggregate === 'MIN' || aggregate === 'MAX') return extreme(call, trees, aggregate, targets, added)
  if (aggregate !== 'SUM' && aggregate !== 'AVERAGE')
    call.fail('malformed-file', `aggregate_function ${aggregate}; SUM, AVERAGE, MIN or MAX is needed`)
  // In onnxruntime a target without votes is 0, whatever its base value.
  if (targets > 1)
    for (const [k, value] of base.entries())
      if (value !== 0 && !isAlwaysVotedFor(trees, k))
        call.fail(
          'unsupported-attribute',
          `target ${k} may get no weight; with base_values, list it in every leaf of a tree`,
        )
  const factor = aggregate === 'SUM' ? 1 : 1 / trees.length
  const { leaves, scoring } = grown(call, trees, targets)
  const weights = tensor(
    scoring.weights.shape,
    scoring.weights.data.map((weight) => weight * factor),
  )
  const bias = tensor(
    [targets],
    scoring.bias.data.map((value, k) => value * factor + added[k]!),
  )
  return [row(call, score(call, leaves, { weights, bias }), targets)]
}

/** The least or the largest of the trees' results. Every tree must give one. */
function extreme(
  call: Invocation,
  trees: readonly Tree[],
  aggregate: 'MIN' | 'MAX',
  targets: number,
  base: Float64Array,
): Result[] {
  if (targets !== 1)
    call.fail('unsupported-attribute', `aggregate_function ${aggregate} of ${targets} targets; of 1 it is supported`)
  const sign = aggregate === 'MIN' ? -1 : 1
  // One column a tree.
  const apart = trees.map((tree, k): Tree => voting(call, tree, k, sign))
  const { leaves, scoring } = grown(call, apart, trees.length)
  const { builder, name } = call
  const each = builder.reshape(`${name}.trees`, score(call, leaves, scoring), [trees.length, 1, 1])
  const most = builder.unary(`${name}.most`, each, {
    op: 'pool',
    kind: 'max',
    window: [trees.length, 1],
    strides: [1, 1],
    dilations: [1, 1],
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
  })
  const found = sign === 1 && base[0] === 0 ? most : builder.affineScalar(`${name}.base`, most, sign, base[0]!)
  return values(builder.reshape(name, found, [1, 1]))
}

function voting(call: Invocation, tree: Tree, target: number, sign: number): Tree {
  if (!isLeaf(tree))
    return {
      ...tree,
      whenTrue: voting(call, tree.whenTrue, target, sign),
      whenFalse: voting(call, tree.whenFalse, target, sign),
    }
  const [vote, ...others] = tree.votes
  if (vote === undefined || others.length > 0)
    return call.fail('unsupported-attribute', 'MIN and MAX need one weight a leaf')
  return { votes: [{ target, weight: vote.weight * sign }] }
}

function classifier(call: Invocation): Result[] {
  const post = postTransform(call)
  const classes = classLabels(call, 'classlabels_int64s')
  const trees = readForest(call, 'class', featuresOf(call))
  const base = numbers(call, 'base_values') ?? []
  if (classes.length === 2) return ofTwoClasses(call, trees, classes, base, post)
  if (base.length !== 0 && base.length !== classes.length)
    call.fail('unsupported-attribute', `base_values holds ${base.length} numbers for ${classes.length} classes`)
  if (base.length === 0) requireVotes(call, trees, classes)
  const { leaves, scoring } = grown(call, trees, classes.length)
  const bias = tensor(
    [classes.length],
    scoring.bias.data.map((value, k) => value + (base[k] ?? 0)),
  )
  return judged(call, transformed(call, leaves, { ...scoring, bias }, post), classes)
}

function judged(call: Invocation, { scores, result }: Judged, classes: readonly (string | number)[]): Result[] {
  return [labelOf(call, scores, classes), result]
}

/** A class that no leaf voted for cannot win, and has a score of 0: so that must lose by itself, or not occur. */
function requireVotes(call: Invocation, trees: readonly Tree[], classes: readonly (string | number)[]): void {
  const everyVote = trees.flatMap((tree) => leavesOf(tree).flatMap(({ votes }) => votes))
  if (everyVote.length > 0 && everyVote.every(({ weight }) => weight > 0)) return
  for (const [k, label] of classes.entries())
    if (!isAlwaysVotedFor(trees, k))
      call.fail(
        'unsupported-attribute',
        `class ${label} may get no vote, and then cannot win whatever the others have; list it in every leaf of a tree`,
      )
}

function isAlwaysVotedFor(trees: readonly Tree[], output: number): boolean {
  return trees.some((tree) => leavesOf(tree).every(({ votes }) => votes.some(({ target }) => target === output)))
}

/** One score p for the second class: the label asks for p > 0, or for p > ½ where no weight is negative. */
function ofTwoClasses(
  call: Invocation,
  trees: readonly Tree[],
  classes: readonly (string | number)[],
  base: readonly number[],
  post: ReturnType<typeof postTransform>,
): Result[] {
  const votes = trees.flatMap((tree) => leavesOf(tree).flatMap((leaf) => leaf.votes))
  if (votes.some(({ target }) => target !== 0) || base.length > 1)
    call.fail(
      'unsupported-attribute',
      'two classes with votes for the second one (or two base_values), where the label does not follow the scores; let all class_ids be 0',
    )
  const { leaves, scoring } = grown(call, trees, 1)
  const p: Scoring = { weights: scoring.weights, bias: tensor([1], [scoring.bias.data[0]! + (base[0] ?? 0)]) }
  const positive = votes.every(({ weight }) => weight >= 0)
  if (!positive)
    return judged(
      call,
      transformed(call, leaves, columns(p, [-1, 1], [0, 0]), post === 'SOFTMAX' ? 'NONE' : post),
      classes,
    )
  const shares = columns(p, [-1, 1], [1, 0])
  if (post !== 'LOGISTIC') return judged(call, transformed(call, leaves, shares, 'NONE'), classes)
  // The logistic of p passes ½ where p passes 0, the label where p passes ½.
  const label = labelOf(call, score(call, leaves, shares), classes)
  return call.isRead(1) ? [label, transformed(call, leaves, columns(p, [-1, 1], [0, 0]), post).result] : [label]
}
