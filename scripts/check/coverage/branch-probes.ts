// SPDX-License-Identifier: GPL-3.0-or-later
// Measures branch coverage, since EDR counts only lines and statements. Every side of every `if` and every `catch` gets a probe: a block without
// effect on a line of its own. A branch was taken exactly when its probe's line ran.
import { parse, visit } from '@solidity-parser/parser'

/** One side of a decision: its place in the original source, and the line of its probe in the probed source. */
export type Branch = { readonly originalLine: number; readonly side: 'if' | 'else' | 'catch'; probeLine: number }

export type ProbedSource = { readonly source: string; readonly branches: readonly Branch[] }

type Insertion = {
  readonly offset: number
  readonly text: string
  readonly branch?: { line: number; side: Branch['side'] }
}
type Node = { type: string; range?: [number, number]; loc?: { start: { line: number } } }

/** One statement without effect: coverage adds a call to each, which the compiler and the tests take time for. */
const PROBE = '{ 0; }'

/**
 * Adds a probe to every branch of a Solidity source.
 * The program's behaviour does not change, but its gas and line numbers do.
 */
export function addBranchProbes(source: string): ProbedSource {
  const insertions: Insertion[] = []
  const probeBody = (body: Node, side: Branch['side']): void => {
    const [start, end] = rangeOf(body)
    const branch = { line: body.loc?.start.line ?? 0, side }
    if (body.type === 'Block') {
      insertions.push({ offset: start + 1, text: `\n${PROBE}\n`, branch })
    } else {
      insertions.push({ offset: start, text: `{\n${PROBE}\n`, branch }, { offset: end + 1, text: '\n}' })
    }
  }
  visit(parse(source, { range: true, loc: true }), {
    IfStatement(node) {
      probeBody(node.trueBody as Node, 'if')
      if (node.falseBody) {
        // `else if` decides again by itself: its own two sides are this side's branches.
        if (node.falseBody.type !== 'IfStatement') probeBody(node.falseBody as Node, 'else')
      } else {
        const branch = { line: node.loc?.start.line ?? 0, side: 'else' as const }
        insertions.push({ offset: rangeOf(node as Node)[1] + 1, text: `\nelse {\n${PROBE}\n}\n`, branch })
      }
    },
    CatchClause(node) {
      probeBody(node.body as Node, 'catch')
    },
  })
  return apply(source, insertions)
}

function rangeOf(node: Node): [number, number] {
  if (node.range === undefined) throw new TypeError(`the parser gave no range for a ${node.type}`)
  return node.range
}

/**
 * Several insertions may have the same offset where statements end together. The visitor meets the outer statement first, but the inner one must come
 * first in the text. Closing braces and else branches of one statement keep their order.
 */
function apply(source: string, insertions: readonly Insertion[]): ProbedSource {
  const byOffset = new Map<number, Insertion[]>()
  for (const insertion of insertions)
    byOffset.set(insertion.offset, [...(byOffset.get(insertion.offset) ?? []), insertion])
  const branches: Branch[] = []
  let result = ''
  let position = 0
  for (const [offset, group] of [...byOffset].sort(([a], [b]) => a - b)) {
    result += source.slice(position, offset)
    position = offset
    for (const { text, branch } of innermostFirst(group)) {
      if (branch !== undefined) {
        const before = text.slice(0, text.indexOf(PROBE))
        branches.push({ originalLine: branch.line, side: branch.side, probeLine: lineCount(result + before) })
      }
      result += text
    }
  }
  return { source: result + source.slice(position), branches }
}

/** Groups of one statement are pushed together (its closing brace, then its else): reverse the groups, not their insides. */
function innermostFirst(group: readonly Insertion[]): Insertion[] {
  const statements: Insertion[][] = []
  for (const insertion of group) {
    const last = statements.at(-1)
    if (last !== undefined && insertion.branch?.side === 'else' && last.length === 1 && last[0]?.branch === undefined)
      last.push(insertion)
    else statements.push([insertion])
  }
  return statements.reverse().flat()
}

function lineCount(text: string): number {
  return text.split('\n').length
}
