// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a page of reference for every interface from its NatSpec. The interfaces have the NatSpec, errors and events of all contracts, so they are the
// reference. No tool that does this runs under Hardhat 3.
import { parse } from '@solidity-parser/parser'

/** The declarations in a Solidity file, with their documentation. */
export type Declared = {
  readonly name: string
  /** `interface`, `library`, `contract`, or `file` for what stands outside of all. */
  readonly kind: string
  readonly notes: Notes
  readonly members: readonly Member[]
}

export type Member = {
  readonly kind: 'error' | 'type' | 'event' | 'action'
  readonly name: string
  /** As the source has it, body left out. */
  readonly signature: string
  readonly notes: Notes
}

/** NatSpec of one declaration; prose is Markdown. */
export type Notes = {
  readonly notice: string
  readonly dev: string
  readonly parameters: readonly { readonly name: string; readonly text: string }[]
  readonly returns: readonly string[]
}

/** The part of the parser's nodes that we read. */
type Node = {
  readonly type: string
  readonly name?: string | null
  readonly kind?: string
  readonly range?: [number, number]
  readonly body?: Node | null
  readonly subNodes?: readonly Node[]
}

const KINDS: Readonly<Record<string, Member['kind']>> = {
  CustomErrorDefinition: 'error',
  StructDefinition: 'type',
  EnumDefinition: 'type',
  TypeDefinition: 'type',
  EventDefinition: 'event',
  FunctionDefinition: 'action',
}

/** Everything that a source declares, in its order. Throws the parser's error for text that is not Solidity. */
export function declarationsOf(source: string): Declared[] {
  const { children } = parse(source, { range: true }) as unknown as { children: readonly Node[] }
  const declared: Declared[] = []
  const loose: Member[] = []
  for (const node of children) {
    const member = memberOf(source, node)
    if (member !== null) loose.push(member)
    if (node.type !== 'ContractDefinition') continue
    const members = (node.subNodes ?? []).map((sub) => memberOf(source, sub)).filter((found) => found !== null)
    declared.push({ name: node.name!, kind: node.kind!, notes: notesBefore(source, node), members })
  }
  if (loose.length > 0) declared.unshift({ name: '', kind: 'file', notes: parseNotes(''), members: loose })
  return declared
}

function memberOf(source: string, node: Node): Member | null {
  const kind = KINDS[node.type]
  if (kind === undefined || node.name == null || node.range === undefined) return null
  const end = node.body?.range?.[0] ?? node.range[1] + 1
  const signature = source
    .slice(node.range[0], end)
    .trim()
    .replace(/\n {4}/g, '\n')
  return { kind, name: node.name, signature, notes: notesBefore(source, node) }
}

/** The comment that ends where the node begins. */
function notesBefore(source: string, node: Node): Notes {
  const before = source.slice(0, node.range?.[0] ?? 0).trimEnd()
  const block = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/$/.exec(before)
  if (block !== null) return parseNotes(block[1]!.replace(/^\s*\* ?/gm, ''))
  const lines: string[] = []
  for (const line of before.split('\n').reverse()) {
    const text = /^\s*\/\/\/ ?(.*)$/.exec(line)
    if (text === null) break
    lines.unshift(text[1]!)
  }
  return parseNotes(lines.join('\n'))
}

function parseNotes(text: string): Notes {
  const notes = { notice: '', dev: '', parameters: [] as { name: string; text: string }[], returns: [] as string[] }
  for (const [, tag = 'notice', body = ''] of text.matchAll(/(?:^|\n)(?:@(\w+)\s+)?([\s\S]*?)(?=\n@\w+\s|$)/g)) {
    const prose = body.replace(/\s+/g, ' ').trim()
    if (prose === '') continue
    if (tag === 'param') {
      const [name = '', ...words] = prose.split(' ')
      notes.parameters.push({ name, text: words.join(' ') })
    } else if (tag === 'return') notes.returns.push(prose)
    else if (tag === 'dev') notes.dev = `${notes.dev} ${prose}`.trim()
    else if (tag === 'notice' || tag === 'title') notes.notice = `${notes.notice} ${prose}`.trim()
  }
  return notes
}

const GROUPS = [
  ['action', 'Actions'],
  ['event', 'Events'],
  ['error', 'Errors'],
  ['type', 'Types'],
] as const

/** The page of a file. @param path of the file, as an importer writes it */
export function solidityPage(path: string, declared: readonly Declared[]): string {
  const lines = [
    `# ${path
      .split('/')
      .at(-1)!
      .replace(/\.sol$/, '')}`,
    '',
    `\`import "${path}";\``,
  ]
  for (const { name, kind, notes, members } of declared) {
    if (name !== '') lines.push('', `## ${name}`, '', `*${kind}*`, ...prose(notes))
    for (const [group, title] of GROUPS) {
      const chosen = members.filter((member) => member.kind === group)
      if (chosen.length > 0) lines.push('', `### ${title}${name === '' ? '' : ` of ${name}`}`)
      for (const member of chosen) {
        lines.push('', `#### ${member.name}`, '', '```solidity', member.signature, '```', ...prose(member.notes))
      }
    }
  }
  return `${lines.join('\n')}\n`
}

function prose({ notice, dev, parameters, returns }: Notes): string[] {
  const lines: string[] = []
  for (const paragraph of [notice, dev]) if (paragraph !== '') lines.push('', paragraph)
  if (parameters.length > 0) lines.push('', ...parameters.map(({ name, text }) => `- \`${name}\`: ${text}`))
  if (returns.length > 0) lines.push('', ...returns.map((text) => `- returns ${text}`))
  return lines
}
