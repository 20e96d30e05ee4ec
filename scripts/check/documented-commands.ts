// SPDX-License-Identifier: GPL-3.0-or-later
// Compares commands in documents with the commands that exist.
import type { Command, Option } from 'commander'

/** A command line that a document shows. */
export type Documented = {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly words: readonly string[]
  /** Whether it is shown to be typed as it is, and not only mentioned in a sentence. Then everything required must be there. */
  readonly whole: boolean
}

/** An npm script's interface: its name, and the text of its help; null for a script without one. */
export type NpmScripts = ReadonlyMap<string, string | null>

/** All `cohort …` and `npm run …` of a Markdown file, from its shell blocks and its code spans. */
export function commandsIn(file: string, markdown: string): Documented[] {
  const found: Documented[] = []
  const lines = markdown.split('\n')
  let fence: string | null = null
  for (let i = 0; i < lines.length; i++) {
    const mark = /^\s*```(\w*)/.exec(lines[i]!)
    if (mark !== null) {
      fence = fence === null ? mark[1]! : null
      continue
    }
    const line = i + 1
    if (fence === null) {
      for (const [, span] of lines[i]!.matchAll(/`([^`]+)`/g)) collect(span!, line, false)
    } else if (['sh', 'bash', 'ini', ''].includes(fence)) {
      let text = lines[i]!
      while (text.endsWith('\\') && i + 1 < lines.length) text = `${text.slice(0, -1)} ${lines[++i]}`
      collect(text, line, true)
    }
  }
  return found

  function collect(text: string, line: number, whole: boolean): void {
    for (const words of simpleCommands(text)) {
      const start = words.findIndex((word, at) => isCommand(words, word, at))
      if (start >= 0) found.push({ file, line, words: words.slice(start), whole })
    }
  }
}

/** `cohort`, at the start or after npx; `npm run` and `npm test` anywhere. */
function isCommand(words: readonly string[], word: string, at: number): boolean {
  if (word === 'cohort') return at === 0 || /(^|[/=])npx$/.test(words[at - 1]!)
  return word === 'npm' && ['run', 'test'].includes(words[at + 1] ?? '')
}

/** Splits a shell line at pipes and the like and at substitutions, then into words; comments fall away. */
function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]]
  const words = line.matchAll(/\s#.*$|\$\(|[)|;&]+|(?:"[^"]*"|'[^']*'|[^\s"'()|;&]|\((?=[^)]*$))+/g)
  for (const [word] of words) {
    if (/^\s#/.test(word)) break
    if (/^(\$\(|[)|;&]+)$/.test(word)) commands.push([])
    else commands.at(-1)!.push(word.replace(/["']/g, ''))
  }
  return commands.filter((command) => command.length > 0)
}

/** The error in a command, or null. */
export function faultIn({ words, whole }: Documented, program: Command, scripts: NpmScripts): string | null {
  if (words[0] === 'cohort') return faultInCohort(words.slice(1), program, whole)
  const [name = '', ...rest] = words[1] === 'test' ? words.slice(1) : words.slice(2)
  if (isPlaceholder(name)) return null
  const args = rest[0] === '--' ? rest.slice(1) : []
  if (rest.length > 0 && rest[0] !== '--') return `npm keeps '${rest[0]}' to itself: put -- before it`
  if (name === 'cohort') return faultInCohort(args, program, whole)
  const help = scripts.get(name)
  if (help === undefined) return `package.json has no script '${name}'`
  for (const [i, word] of args.entries()) {
    const option = word.split('=')[0]!
    // The word after an option counts as its value: only the script knows which options take one.
    const value = i > 0 && args[i - 1]!.startsWith('-')
    if (help === null || value || isPlaceholder(word) || option === '--help') continue
    if (!hasWord(help, option)) return `the help of npm run ${name} does not know '${option}'`
  }
  return null
}

function hasWord(text: string, word: string): boolean {
  return text.split(/[\s,|[\]()…;]+/).includes(word)
}

function faultInCohort(words: readonly string[], program: Command, whole: boolean): string | null {
  let command = program
  const options: Option[] = []
  const given: string[] = []
  const positionals: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    // The rest is left to the reader.
    if (word === '--help' || word === '-h' || word === '…') return null
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word))
    if (next !== undefined && positionals.length === 0) command = next
    else if (word.startsWith('-') && word.length > 1) {
      const [flag, inline] = word.split(/=(.*)/s)
      const option = command.options.find(({ long, short }) => long === flag || short === flag)
      if (option === undefined) return `'${pathOf(command)}' has no option ${flag}`
      options.push(option)
      given.push(option.attributeName())
      if (!option.required && !option.optional) continue
      const value = inline ?? (option.required || !(words[i + 1] ?? '-').startsWith('-') ? words[++i] : undefined)
      if (value === undefined) {
        if (option.required && whole) return `${flag} of '${pathOf(command)}' needs a value`
        continue
      }
      const values = [value]
      while (option.variadic && words[i + 1]?.startsWith('-') === false) values.push(words[++i]!)
      for (const one of values) {
        const wrong = faultInValue(option, one)
        if (wrong !== null) return `${flag} ${one}: ${wrong}`
      }
    } else if (command.commands.length > 0) {
      return isPlaceholder(word) ? null : `'${pathOf(command)}' has no command '${word}'`
    } else positionals.push(word)
  }
  if (command.commands.length > 0) return null
  const wanted = command.registeredArguments
  const most = wanted.at(-1)?.variadic ? Number.POSITIVE_INFINITY : wanted.length
  if (positionals.length > most) return `'${pathOf(command)}' takes no '${positionals[wanted.length]}'`
  if (!whole) return null
  const least = wanted.filter(({ required }) => required).length
  if (positionals.length < least) return `'${pathOf(command)}' needs <${wanted[positionals.length]!.name()}>`
  const missing = command.options.find((option) => option.mandatory && !given.includes(option.attributeName()))
  return missing === undefined ? null : `'${pathOf(command)}' needs ${missing.flags}`
}

/** Checks a value with the option's own parser, unless it is a placeholder. */
function faultInValue(option: Option, value: string): string | null {
  if (isPlaceholder(value) || option.parseArg === undefined) return null
  try {
    option.parseArg(value, undefined)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** `<id>`, `$TAG`, `0x…`, `FILE`. */
function isPlaceholder(word: string): boolean {
  return /[<>$…]|^[A-Z][A-Z_-]*$/.test(word)
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}
