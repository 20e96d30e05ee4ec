// SPDX-License-Identifier: GPL-3.0-or-later
// Parses as much of circom's syntax as the circuit lint needs: templates, statements, and the signals that an expression names.

export type Statement = { readonly text: string; readonly line: number }
export type Template = { readonly name: string; readonly line: number; readonly statements: readonly Statement[] }

/** Blanks comments and strings, keeping every line break, so that positions stay. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"[^"\n]*"/g, (text) => text.replaceAll(/[^\n]/g, ' '))
}

/** Index just past the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if ('([{'.includes(text[i]!)) depth++
    if (')]}'.includes(text[i]!) && --depth === 0) return i + 1
  }
  return text.length
}

/** The templates of a source file, their bodies cut into simple statements; loops and branches are flattened. */
export function templatesOf(source: string): Template[] {
  const text = withoutComments(source)
  const lineAt = (index: number) => text.slice(0, index).split('\n').length
  const templates: Template[] = []
  for (const match of text.matchAll(/\btemplate\s+(?:(?:custom|parallel)\s+)*([A-Za-z_$][\w$]*)/g)) {
    const open = text.indexOf('{', closing(text, text.indexOf('(', match.index)))
    const end = closing(text, open)
    templates.push({
      name: match[1]!,
      line: lineAt(match.index),
      statements: statementsOf(text, open + 1, end - 1, lineAt),
    })
  }
  return templates
}

function statementsOf(text: string, from: number, to: number, lineAt: (index: number) => number): Statement[] {
  const statements: Statement[] = []
  let start = from
  const finish = (end: number) => {
    const raw = text.slice(start, end)
    const lead = raw.length - raw.trimStart().length
    if (raw.trim() !== '') statements.push({ text: raw.trim(), line: lineAt(start + lead) })
    start = end + 1
  }
  for (let i = from; i < to; i++) {
    const character = text[i]!
    if (character === '(' || character === '[') {
      i = closing(text, i) - 1
      // The head of a loop or branch is a statement of its own: `if (c) x <-- y;` has two.
      const head = text.slice(start, i + 1).trim()
      if (/^(?:for|while|if|else\s+if)\b[\s\S]*\)$/.test(head)) finish(i + 1)
      if (start > i + 1) start = i + 1
    } else if (character === ';' || character === '{' || character === '}') {
      // `signal {tag} x`: the braces of tags do not open a block.
      if (character === '{' && /\bsignal\s+(?:input|output)?\s*$/.test(text.slice(start, i))) i = closing(text, i) - 1
      else finish(i)
    }
  }
  finish(to)
  return statements
}

/** Paths of the signals in an expression, without indices: `unit[i].out` is `unit.out`. Also looks into the indices. */
export function pathsIn(expression: string): string[] {
  const paths: string[] = []
  const name = /[A-Za-z_$][\w$]*/y
  for (let i = 0; i < expression.length; i++) {
    name.lastIndex = i
    const match = /[\w$]/.test(expression[i - 1] ?? ' ') ? null : name.exec(expression)
    if (match === null) continue
    let path = match[0]
    let at = i + path.length
    for (;;) {
      const next = /^\s*([[.])/.exec(expression.slice(at))
      if (next === null) break
      const mark = at + next[0].length - 1
      if (next[1] === '[') {
        const end = closing(expression, mark)
        paths.push(...pathsIn(expression.slice(mark + 1, end - 1)))
        at = end
      } else {
        name.lastIndex = mark + 1
        const member = name.exec(expression)
        if (member === null) break
        path += `.${member[0]}`
        at = mark + 1 + member[0].length
      }
    }
    paths.push(path)
    i = at - 1
  }
  return paths
}
