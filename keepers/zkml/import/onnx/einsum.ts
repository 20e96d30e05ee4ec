// SPDX-License-Identifier: GPL-3.0-or-later
// Einsum as transpositions, sums and products of stacked matrices, one operand after the other.
import { elementCount } from '../../graph/program.ts'
import { checkedCount, stridedMap, stridesOf } from '../../graph/tensor.ts'
import type { Handler, Invocation } from './invocation.ts'
import { integersOf, type Operand, type Result, resultOf } from './operand.ts'

/** An operand with a label for each of its axes. Axes under an ellipsis get their own labels, counted from the last axis. */
type Labelled = { readonly operand: Operand; readonly labels: readonly string[] }

export const EINSUM_HANDLERS: Readonly<Record<string, Handler>> = {
  Einsum: (call) => [einsum(call)],
}

function einsum(call: Invocation): Result {
  const text = call.string('equation', '').replaceAll(' ', '')
  const fail = (why: string): never => call.fail('malformed-file', `equation ${text}: ${why}`)
  const operands = call.operands()
  if (operands.length !== call.node.input.length) fail('an input is missing')
  const [left, right, ...rest] = text.split('->')
  const terms = left!.split(',')
  if (rest.length > 0 || terms.length !== operands.length) fail(`${terms.length} terms for ${operands.length} inputs`)
  const parts = operands.map((operand, i) =>
    diagonal(call, operand, labelsOf(terms[i]!, call.shapeOf(operand).length, fail)),
  )
  const hidden = parts.flatMap(({ labels }, i) => (terms[i]!.includes('...') ? [labels.filter(isHidden).length] : []))
  if (hidden.some((count) => count !== hidden[0])) fail(`its ellipses stand for ${hidden.join(', ')} axes`)
  const output = right === undefined ? implied(terms, parts) : outputLabels(right, parts, fail)
  const known = new Set(parts.flatMap(({ labels }) => labels))
  if (new Set(output).size !== output.length) fail('an axis of the output comes twice')
  for (const label of output) if (!known.has(label)) fail(`the output's axis ${label} is of no input`)
  const sizes = sizesOf(call, parts, fail)
  const spread = parts.map((part) => spreadTo(call, part, sizes))
  let all = spread[0]!
  for (const [i, next] of spread.slice(1).entries()) {
    const later = new Set([...output, ...spread.slice(i + 2).flatMap(({ labels }) => labels)])
    all = product(call, all, next, later, sizes)
  }
  const summed = sumOut(call, all, (label) => output.includes(label))
  return resultOf(arranged(call, summed, output))
}

/** Letters of a term; an ellipsis stands for the axes that are left. */
function labelsOf(term: string, rank: number, fail: (why: string) => never): string[] {
  const [before, after, ...more] = term.split('...')
  const letters = [...before!, ...(after ?? '')]
  if (more.length > 0 || letters.some((letter) => !/[A-Za-z]/.test(letter))) fail(`the term ${term}`)
  const hidden = rank - letters.length
  if (hidden < 0 || (after === undefined && hidden !== 0)) fail(`the term ${term} of an input with ${rank} axes`)
  return [...before!, ...Array.from({ length: hidden }, (_, i) => `.${hidden - i}`), ...(after ?? '')]
}

/** A label of an axis under an ellipsis. */
function isHidden(label: string): boolean {
  return label.startsWith('.')
}

function outputLabels(term: string, parts: readonly Labelled[], fail: (why: string) => never): string[] {
  const hidden = new Set(parts.flatMap(({ labels }) => labels.filter(isHidden))).size
  const letters = term.replace('...', '')
  return labelsOf(term, letters.length + (term.includes('...') ? hidden : 0), fail)
}

/** The output of an equation that names none: the axes under an ellipsis, then the letters that occur once, in alphabetical order. */
function implied(terms: readonly string[], parts: readonly Labelled[]): string[] {
  const counts = new Map<string, number>()
  for (const letter of terms.join('').replaceAll(/[^A-Za-z]/g, '')) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  const hidden = [...new Set(parts.flatMap(({ labels }) => labels.filter(isHidden)))]
  const once = [...counts].flatMap(([letter, count]) => (count === 1 ? [letter] : []))
  return [...hidden.sort((a, b) => Number(b.slice(1)) - Number(a.slice(1))), ...once.sort()]
}

/** For a label that occurs twice in one term: the elements with equal indices in both places. */
function diagonal(call: Invocation, operand: Operand, labels: readonly string[]): Labelled {
  const own = [...new Set(labels)]
  if (own.length === labels.length) return { operand, labels }
  const shape = call.shapeOf(operand)
  const strides = stridesOf(shape)
  const axes = own.map((label) => labels.flatMap((each, axis) => (each === label ? [axis] : [])))
  const to = axes.map(([first, ...others]) => {
    const different = others.find((axis) => shape[axis] !== shape[first!])
    if (different !== undefined)
      call.fail('malformed-file', `a diagonal of axes of ${shape[first!]} and ${shape[different]} elements`)
    return shape[first!]!
  })
  const steps = axes.map((each) => each.reduce((sum, axis) => sum + strides[axis]!, 0))
  return { operand: moved(call, operand, stridedMap(to, steps, 0), to), labels: own }
}

function moved(call: Invocation, operand: Operand, map: Int32Array, shape: readonly number[]): Operand {
  const result = call.move(operand, map, shape)
  if ('constant' in result) return { constant: { ...result.constant, type: result.type! } }
  return { ...(operand as Exclude<Operand, { constant: unknown }>), value: result.value, bounds: result.bounds }
}

/** Elements along each label. An axis under an ellipsis may have length 1 in some inputs. */
function sizesOf(call: Invocation, parts: readonly Labelled[], fail: (why: string) => never): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { operand, labels } of parts)
    for (const [axis, length] of call.shapeOf(operand).entries()) {
      const label = labels[axis]!
      const before = sizes.get(label)
      const free = isHidden(label)
      if (before !== undefined && before !== length && !(free && (before === 1 || length === 1)))
        fail(
          `its axis ${free ? 'under an ellipsis' : label} has ${before} elements in one input and ${length} in another`,
        )
      sizes.set(label, free && length === 1 ? (before ?? 1) : length)
    }
  return sizes
}

function spreadTo(call: Invocation, { operand, labels }: Labelled, sizes: ReadonlyMap<string, number>): Labelled {
  const shape = labels.map((label) => sizes.get(label)!)
  const own = call.shapeOf(operand)
  if (shape.every((length, axis) => length === own[axis])) return { operand, labels }
  return { operand: call.apply('Expand', [operand, integersOf(...shape)])[0]!, labels }
}

/** Sums over the labels that nobody needs any more. */
function sumOut(call: Invocation, { operand, labels }: Labelled, kept: (label: string) => boolean): Labelled {
  const axes = labels.flatMap((label, axis) => (kept(label) ? [] : [axis]))
  if (axes.length === 0) return { operand, labels }
  const [sum] = call.apply('ReduceSum', [operand, integersOf(...axes)], { keepdims: 0 })
  return { operand: sum!, labels: labels.filter(kept) }
}

function arranged(call: Invocation, { operand, labels }: Labelled, to: readonly string[]): Operand {
  const perm = to.map((label) => labels.indexOf(label))
  if (perm.every((axis, i) => axis === i)) return operand
  return call.apply('Transpose', [operand], { perm })[0]!
}

/** a · b, summed over what both have and nobody needs later: stacks of matrices over what both have and somebody needs. */
function product(
  call: Invocation,
  first: Labelled,
  second: Labelled,
  later: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): Labelled {
  const a = sumOut(call, first, (label) => second.labels.includes(label) || later.has(label))
  const b = sumOut(call, second, (label) => first.labels.includes(label) || later.has(label))
  const both = a.labels.filter((label) => b.labels.includes(label))
  const stack = both.filter((label) => later.has(label))
  const inner = both.filter((label) => !later.has(label))
  const [rows, columns] = [a, b].map(({ labels }) => labels.filter((label) => !both.includes(label))) as [
    string[],
    string[],
  ]
  const count = (labels: readonly string[]): number => elementCount(labels.map((label) => sizes.get(label)!))
  const lengths = stack.map((label) => sizes.get(label)!)
  checkedCount([...lengths, count(rows), count(inner), count(columns)], call.name)
  const shaped = (part: Labelled, order: readonly string[], shape: readonly number[]): Operand =>
    call.apply('Reshape', [arranged(call, part, order), integersOf(...shape)])[0]!
  const left = shaped(a, [...stack, ...rows, ...inner], [...lengths, count(rows), count(inner)])
  const right = shaped(b, [...stack, ...inner, ...columns], [...lengths, count(inner), count(columns)])
  const [made] = call.apply('MatMul', [left, right])
  const labels = [...stack, ...rows, ...columns]
  const shape = labels.map((label) => sizes.get(label)!)
  return { operand: call.apply('Reshape', [made!, integersOf(...shape)])[0]!, labels }
}
