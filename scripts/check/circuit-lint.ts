// SPDX-License-Identifier: GPL-3.0-or-later
// Finds, in circom sources, ways for a circuit to prove less than it seems to:
//   unconstrained   `x <-- …` where x is in no constraint of the same template
//   assert-signal   `assert` over a signal, which only the maker of a witness checks, and no verifier
//   unused-signal   a declared signal that no constraint names
//   foreign-range   a comparison or decomposition that does not go through circuits/lib/range.circom
// A lint reads one template at a time and proves nothing; the proof is keepers/zkml/circuit/determinism.ts on the r1cs.
//
// usage: node scripts/check/circuit-lint.ts [file or directory…]      (default circuits/lib)
import { globSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathsIn, type Statement, type Template, templatesOf } from './circom-statements.ts'

export type Finding = {
  readonly file: string
  readonly line: number
  readonly rule: 'unconstrained' | 'assert-signal' | 'unused-signal' | 'foreign-range'
  readonly message: string
}

/** circomlib's gadgets that decompose or compare. */
const FOREIGN =
  /\b(Num2Bits(?:_strict|Neg)?|Bits2Num(?:_strict)?|(?:Less|Greater)(?:Eq)?Than|CompConstant|Sign|AliasCheck)\s*\(/

/** Problems of one source file, in order of lines. */
export function lintCircom(source: string, file: string): Finding[] {
  return templatesOf(source)
    .flatMap((template) => lintTemplate(template, file))
    .sort((a, b) => a.line - b.line)
}

function lintTemplate({ name, statements }: Template, file: string): Finding[] {
  const findings: Finding[] = []
  const report = (line: number, rule: Finding['rule'], message: string) => findings.push({ file, line, rule, message })
  const signals = declarations(statements, /^signal\s+(?:(?:input|output)\s+)?(?:\{[^}]*\}\s*)?([^<=]*)/)
  const components = declarations(statements, /^component\s+([^<=]*)/)
  const isSignal = (path: string) => {
    const [base] = path.split('.')
    return signals.has(base!) || (components.has(base!) && path.includes('.'))
  }

  const constrained = new Set<string>()
  const mentioned = new Set<string>()
  for (const { text } of statements) {
    if (/<==|==>|===/.test(text)) for (const path of pathsIn(text)) constrained.add(path)
    if (!isHint(text) && !isBareDeclaration(text)) for (const path of pathsIn(text)) mentioned.add(path)
  }

  for (const { text, line } of statements) {
    const target = hintTarget(text)
    if (target !== null && !constrained.has(target)) {
      report(line, 'unconstrained', `${name}: ${target} is assigned by a hint and is in no constraint`)
    }
    const assertion = /^assert\s*\(([\s\S]*)\)$/.exec(text)
    const asserted = assertion === null ? undefined : pathsIn(assertion[1]!).find(isSignal)
    if (asserted !== undefined) {
      report(line, 'assert-signal', `${name}: assert on ${asserted} binds no prover; write a constraint`)
    }
    const foreign = FOREIGN.exec(text)
    if (foreign !== null) report(line, 'foreign-range', `${name}: ${foreign[1]} instead of Range`)
  }
  for (const [signal, line] of signals) {
    if (!mentioned.has(signal)) report(line, 'unused-signal', `${name}: no constraint names ${signal}`)
  }
  return findings
}

/** Names that statements of a form declare, with their lines. */
function declarations(statements: readonly Statement[], form: RegExp): Map<string, number> {
  const names = new Map<string, number>()
  for (const { text, line } of statements) {
    const list = form.exec(text)?.[1]
    for (const item of list?.split(/,(?![^[]*\])/) ?? []) {
      const name = /^\s*([A-Za-z_$][\w$]*)/.exec(item)?.[1]
      if (name !== undefined) names.set(name, line)
    }
  }
  return names
}

const isHint = (text: string) => /<--|-->/.test(text)
const isBareDeclaration = (text: string) => /^signal\b/.test(text) && !/<==|==>/.test(text)

/** The path that a hint assigns, or null for any other statement. */
function hintTarget(text: string): string | null {
  const left = /^([\s\S]*?)<--/.exec(text)?.[1]
  const right = /-->([\s\S]*)$/.exec(text)?.[1]
  const target = left ?? right
  if (target === undefined) return null
  const declared = target.replace(/^signal\s+(?:(?:input|output)\s+)?(?:\{[^}]*\}\s*)?/, '')
  return pathsIn(declared).at(-1) ?? null
}

function sourcesOf(path: string): string[] {
  return statSync(path).isDirectory() ? globSync(join(path, '**/*.circom')).sort() : [path]
}

if (import.meta.main) {
  const given = process.argv.slice(2)
  const files = (given.length > 0 ? given : ['circuits/lib']).flatMap(sourcesOf)
  if (files.length === 0) {
    process.stderr.write('circuit lint: no circom file found\n')
    process.exit(1)
  }
  const findings = files.flatMap((file) => lintCircom(readFileSync(file, 'utf8'), relative('.', file)))
  for (const { file, line, rule, message } of findings) process.stdout.write(`${file}:${line}: ${rule}: ${message}\n`)
  process.stdout.write(`${files.length} circuit files, ${findings.length} findings\n`)
  process.exitCode = findings.length > 0 ? 1 : 0
}
