// SPDX-License-Identifier: GPL-3.0-or-later
// Decision trees as ai.onnx.ml writes them, in either form, brought to one: inner nodes with a question each, and leaves.
import type { Invocation } from '../invocation.ts'
import { listed, needed } from './attributes.ts'

const MODES = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'] as const
export type Branch = (typeof MODES)[number]

export type Question = { readonly feature: number; readonly branch: Branch; readonly value: number }
/** A leaf adds `weight` to output `target`. */
export type Vote = { readonly target: number; readonly weight: number }
export type Leaf = { readonly votes: readonly Vote[] }
export type Inner = { readonly question: Question; readonly whenTrue: Tree; readonly whenFalse: Tree }
export type Tree = Inner | Leaf

/** A file may say that a node is below itself; no tree that is grown is anywhere near as deep. */
const MOST_DEPTH = 200

/** Reads parallel lists with one entry per node, and the votes from separate lists. `kind` is class or target. */
export function readForest(call: Invocation, kind: 'class' | 'target', features: number): Tree[] {
  const trees = needed(call, 'nodes_treeids')
  const list = (name: string): readonly number[] => listed(call, name, trees.length)
  const [ids, featureIds, values] = [list('nodes_nodeids'), list('nodes_featureids'), list('nodes_values')]
  const [trueIds, falseIds] = [list('nodes_truenodeids'), list('nodes_falsenodeids')]
  const modes = call.strings('nodes_modes') ?? []
  if (modes.length !== trees.length)
    call.fail('malformed-file', `nodes_modes holds ${modes.length} entries where ${trees.length} are needed`)
  const key = (tree: number, node: number): string => `${tree}/${node}`
  const places = new Map<string, number>()
  for (const [i, tree] of trees.entries()) {
    if (places.has(key(tree, ids[i]!))) call.fail('malformed-file', `node ${ids[i]} of tree ${tree} is given twice`)
    places.set(key(tree, ids[i]!), i)
  }
  const votes = readVotes(call, kind, (tree, node) => places.get(key(tree, node)))
  const visited = new Set<number>()
  const grow = (at: number, depth: number): Tree => {
    if (visited.has(at) || depth > MOST_DEPTH)
      call.fail(
        'malformed-file',
        `node ${ids[at]} of tree ${trees[at]} is reached twice, or more than ${MOST_DEPTH} deep`,
      )
    visited.add(at)
    if (modes[at] === 'LEAF') return { votes: votes.get(at) ?? [] }
    const below = (node: number): Tree => {
      const found = places.get(key(trees[at]!, node))
      return found === undefined
        ? call.fail(
            'malformed-file',
            `node ${ids[at]} of tree ${trees[at]} leads to node ${node}, which does not exist`,
          )
        : grow(found, depth + 1)
    }
    const question = asked(call, modes[at]!, featureIds[at]!, values[at]!, features)
    return { question, whenTrue: below(trueIds[at]!), whenFalse: below(falseIds[at]!) }
  }
  // The first node of a tree is its root.
  const seen = new Set<number>()
  const roots = [...trees.entries()].flatMap(([i, tree]) => {
    if (seen.has(tree)) return []
    seen.add(tree)
    return [i]
  })
  const grown = roots.map((root) => grow(root, 0))
  if (visited.size !== trees.length)
    call.fail('malformed-file', `${trees.length - visited.size} nodes hang below no root`)
  return grown
}

function readVotes(
  call: Invocation,
  kind: string,
  placeOf: (tree: number, node: number) => number | undefined,
): Map<number, Vote[]> {
  const weights = needed(call, `${kind}_weights`)
  const list = (name: string): readonly number[] => listed(call, `${kind}_${name}`, weights.length)
  const [targets, trees, nodes] = [list('ids'), list('treeids'), list('nodeids')]
  const votes = new Map<number, Vote[]>()
  for (const [i, weight] of weights.entries()) {
    const place = placeOf(trees[i]!, nodes[i]!)
    if (place === undefined)
      return call.fail(
        'malformed-file',
        `${kind}_nodeids names node ${nodes[i]} of tree ${trees[i]}, which does not exist`,
      )
    const found = votes.get(place) ?? []
    found.push({ target: targets[i]!, weight })
    votes.set(place, found)
  }
  return votes
}

function asked(call: Invocation, mode: string, feature: number, value: number, features: number): Question {
  if (!(MODES as readonly string[]).includes(mode))
    call.fail('unsupported-attribute', `nodes_modes holds ${mode}; ${MODES.join(', ')} and LEAF are supported`)
  if (!(feature >= 0 && feature < features))
    call.fail('malformed-file', `nodes_featureids holds ${feature}; the input has ${features} features`)
  return { feature, branch: mode as Branch, value }
}

/** TreeEnsemble of ai.onnx.ml 5: separate lists of inner nodes and leaves, one vote per leaf. */
export function readForest5(call: Invocation, features: number): Tree[] {
  const splits = call.tensorAttribute('nodes_splits')!
  const modes = call.tensorAttribute('nodes_modes')!
  const weights = call.tensorAttribute('leaf_weights')!
  call.requireFinite(splits.data, 'nodes_splits')
  call.requireFinite(weights.data, 'leaf_weights')
  const count = splits.data.length
  const list = (name: string): readonly number[] => listed(call, name, count)
  const featureIds = list('nodes_featureids')
  const sides = [
    { ids: list('nodes_truenodeids'), leafs: list('nodes_trueleafs') },
    { ids: list('nodes_falsenodeids'), leafs: list('nodes_falseleafs') },
  ] as const
  const targets = listed(call, 'leaf_targetids', weights.data.length)
  if (modes.data.length !== count) call.fail('malformed-file', `${modes.data.length} modes for ${count} nodes`)
  let visits = 0
  const grow = (at: number, depth: number): Tree => {
    if (!(at >= 0 && at < count)) call.fail('malformed-file', `node ${at} does not exist; there are ${count}`)
    if (++visits > 2 * count || depth > MOST_DEPTH)
      call.fail('malformed-file', `node ${at} is reached over and over, or more than ${MOST_DEPTH} deep`)
    const below = ({ ids, leafs }: (typeof sides)[number]): Tree => {
      const next = ids[at]!
      if (leafs[at] === 0) return grow(next, depth + 1)
      if (!(next >= 0 && next < weights.data.length)) call.fail('malformed-file', `leaf ${next} does not exist`)
      return { votes: [{ target: targets[next]!, weight: weights.data[next]! }] }
    }
    const mode = modes.data[at]!
    if (mode === 6) call.fail('unsupported-attribute', 'nodes_modes holds BRANCH_MEMBER, which is not supported')
    const question = asked(call, MODES[mode] ?? `${mode}`, featureIds[at]!, splits.data[at]!, features)
    return { question, whenTrue: below(sides[0]), whenFalse: below(sides[1]) }
  }
  return needed(call, 'tree_roots').map((root) => grow(root, 0))
}

export function isLeaf(tree: Tree): tree is Leaf {
  return 'votes' in tree
}

export function leavesOf(tree: Tree): readonly Leaf[] {
  return isLeaf(tree) ? [tree] : [...leavesOf(tree.whenFalse), ...leavesOf(tree.whenTrue)]
}
