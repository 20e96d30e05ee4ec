// SPDX-License-Identifier: GPL-3.0-or-later
// `node scripts/check/prose.ts`: counts, or lists, sentences that may slow a reader. Not a gate: some of them are right as they are.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { commandLine } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'

const WORDS_AT_MOST = 35
const NEGATIVES = 'not|never|no|nobody|nothing|without'

/** Habits that this house drops. A sentence may have several. */
const HABITS: Readonly<Record<string, RegExp>> = {
  whose: /\bwhose\b/,
  'of which': /\b(of|in|from|by|to|for|on|with|at) (which|whom)\b(?! (to|a|the) )|\bwhich of\b/,
  'what as a noun':
    /[,;:] (and |but |or )?what\b|\bwhat (a|an|the|it|they|is|was|one|has|its)\b|^(What|That|Whoever|Whom)\b/,
  'that of': /\b(that|those) of\b/,
  'is no': /\b(is|are|was|were|be) (no|none|nothing|nobody)\b|\bcannot be had\b|\bnone of\b/,
  'double negation': new RegExp(`\\b(${NEGATIVES})\\b[^.;:]{0,60}\\b(${NEGATIVES}|unless|neither|nor)\\b`),
  'chain of passives':
    /\b(is|are|was|were|been|be) [a-z]+(ed|en|un)\b[^.;]{0,40}\b(is|are|was|were|been|be) [a-z]+(ed|en|un)\b/,
  tells: /\btells?\b/,
}

const HELP = `usage: node scripts/check/prose.ts [--list] [--root DIR] [PATH…]

  --list      show every sentence with its place and its habits
  --root DIR  read the files of another checkout
`

const { values, positionals } = commandLine(
  { allowPositionals: true, options: { list: { type: 'boolean' }, root: { type: 'string' } } },
  HELP,
)
const root = resolve(values.root ?? ROOT)
const listed = spawnSync('git', ['ls-files', '--', ...positionals], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
const files = existsSync(join(root, '.git')) || root === ROOT ? listed.stdout.split('\n') : treeFiles(root, positionals)
const counts = new Map<string, number>()
let sentences = 0
for (const file of files.filter((name) => /\.(md|ts|mjs|sol|circom)$/.test(name) && !/fixtures\/.*\.ts$/.test(name))) {
  if (!existsSync(join(root, file))) continue
  for (const { line, text } of passages(file, readFileSync(join(root, file), 'utf8'))) {
    for (const sentence of text.split(/(?<=[.!?:])\s+(?=[A-Z`*([])/)) {
      sentences++
      const found = Object.keys(HABITS).filter((habit) => HABITS[habit]!.test(sentence))
      if (sentence.split(/\s+/).length > WORDS_AT_MOST) found.push('long')
      for (const habit of found) counts.set(habit, (counts.get(habit) ?? 0) + 1)
      if (found.length > 0) counts.set('any', (counts.get('any') ?? 0) + 1)
      if (values.list && found.length > 0) process.stdout.write(`${file}:${line}: [${found.join(', ')}] ${sentence}\n`)
    }
  }
}
process.stdout.write(`${sentences} sentences\n`)
for (const [habit, count] of [...counts].sort((a, b) => b[1] - a[1])) process.stdout.write(`${count}\t${habit}\n`)

function treeFiles(folder: string, paths: readonly string[]): string[] {
  const { stdout } = spawnSync('find', [...(paths.length === 0 ? ['.'] : paths), '-type', 'f'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  return stdout.split('\n').map((name) => name.replace(/^\.\//, ''))
}

/** Paragraphs, list items and cells of Markdown; comments and strings of more than three words of code. */
function* passages(file: string, text: string): Generator<{ line: number; text: string }> {
  let open: string[] = []
  let start = 0
  let inside = false
  const isMarkdown = file.endsWith('.md')
  for (const [i, raw] of [...text.split('\n'), ''].entries()) {
    const line = raw.trim()
    const part = isMarkdown ? markdownPart(line) : commentPart(line)
    if (part.ends && open.length > 0) {
      yield { line: start, text: open.join(' ') }
      open = []
    }
    for (const own of part.alone) yield { line: i + 1, text: own }
    if (part.text === '') continue
    if (open.length === 0) start = i + 1
    open.push(part.text)
  }

  function markdownPart(line: string): { ends: boolean; text: string; alone: string[] } {
    if (line.startsWith('```')) inside = !inside
    if (inside || line === '' || /^(#|```)/.test(line)) return { ends: true, text: '', alone: [] }
    if (line.startsWith('|'))
      return {
        ends: true,
        text: '',
        alone: line
          .split('|')
          .map((cell) => cell.trim())
          .filter(isProse),
      }
    return { ends: /^([-*]|\d+\.) /.test(line), text: line.replace(/^([-*]|\d+\.) /, ''), alone: [] }
  }

  function commentPart(line: string): { ends: boolean; text: string; alone: string[] } {
    const starts = line.startsWith('/*')
    if (inside || starts) {
      inside = !line.includes('*/')
      const words = line.replace(/^\/?\*+\s?/, '').replace(/\s*\*\/.*$/, '')
      return { ends: starts || words === '' || words.startsWith('@'), text: words, alone: [] }
    }
    const comment = /^\/\/\/?\s?(.*)$/.exec(line)?.[1]
    if (comment !== undefined)
      return { ends: /^(@|SPDX|$)/.test(comment), text: comment.startsWith('SPDX') ? '' : comment, alone: [] }
    const strings = [...line.matchAll(/'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(
      ([, one, two]) => one ?? two ?? '',
    )
    return { ends: true, text: '', alone: strings.filter(isProse) }
  }
}

function isProse(text: string): boolean {
  return text.split(/\s+/).length > 3
}
