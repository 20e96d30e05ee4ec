// SPDX-License-Identifier: GPL-3.0-or-later
// verify: inputs and outputs that a circuit shows one by one. What the proof's file says of each is compared with the public signal.
import {
  type CircuitManifest,
  type InputPiece,
  type IntegerProgram,
  type PartCommitment,
  partsFault,
  tensorOf,
} from '../../zkml/index.ts'
import type { ProofFile } from './proof-file.ts'
import { usage } from './terminal.ts'

/** A folder's circuit, and its program where the folder has one. A verification key alone has neither. */
export type Subject = { readonly manifest: CircuitManifest; readonly program: IntegerProgram | null }

/** Most numbers of a public part that are printed. JSON output and the proof's file have all. */
const MOST_PRINTED = 16

/** Inputs and outputs, with the places of their signals among the public ones. */
const DOMAINS = [
  { domain: 'inputs', field: 'input', signal: 1 },
  { domain: 'outputs', field: 'output', signal: 2 },
] as const

/** @throws UsageError naming a part that the circuit does not show */
export function requirePartsOf(subject: Subject | null, wanted: ReadonlyMap<string, bigint>): void {
  if (wanted.size === 0) return
  if (subject === null) throw usage('--part needs the circuit’s folder, which says which inputs and outputs there are')
  const { input, output } = subject.manifest
  const shown = [input, output].flatMap((each) => (typeof each === 'string' ? [] : each.parts))
  const names = shown.flatMap(({ name, shown: how }) => (how === 'private' ? [] : [name]))
  for (const name of wanted.keys())
    if (!names.includes(name))
      throw usage(
        `--part ${name}: the circuit shows ${names.length === 0 ? 'nothing one by one' : `${names.join(', ')} one by one`}`,
      )
}

/** The reason why the parts shown one by one differ from the requirements or from the proof's file; null when they match. */
export function partsDeparture(
  read: ProofFile,
  manifest: CircuitManifest,
  wanted: ReadonlyMap<string, bigint>,
): string | null {
  const found = new Map<string, bigint[]>()
  for (const { domain, field, signal } of DOMAINS) {
    const circuit = manifest[field]
    const said = read.parts[domain]
    if (said === null) continue
    if (typeof circuit === 'string') return `its file lists ${domain}, which the circuit does not show one by one`
    const fault = partsFault(domain, circuit.parts, circuit, said, read.publicSignals[signal]!)
    if (fault !== null) return `its file says ${fault}`
    for (const { name, commitment } of said) found.set(name, [...(found.get(name) ?? []), commitment])
  }
  for (const [name, right] of wanted) {
    const each = found.get(name)
    if (each === undefined) return `its file has no commitment to ${name}`
    if (!each.includes(right)) return `its commitment to ${name} is ${each.join(' or ')}, must be ${right}`
  }
  return null
}

/** Each input and each output, as the proof's file has it; call after partsDeparture. */
export function partLines({ inputs, outputs }: ProofFile['parts'], subject: Subject | null): string[] {
  if (subject === null) return []
  const { manifest, program } = subject
  return [
    ...linesOf('input', manifest.input, inputs, (at) => inputReal(program, at)),
    ...linesOf('output', manifest.output, outputs, () => outputReal(program)),
  ]
}

/** The meaning of an integer at a place; null where it is unknown. */
type Reading = (at: number) => ((integer: number) => number) | null

function linesOf(
  what: string,
  circuit: CircuitManifest['input'],
  said: readonly PartCommitment[] | null,
  reading: Reading,
): string[] {
  if (typeof circuit === 'string') return []
  if (said === null) return [`${what}s are shown one by one, and the proof’s file does not say what`]
  let start = 0
  return circuit.parts.map(({ name, count }, i) => {
    const { shown, commitment, values = [] } = said[i]!
    const title = `${what} ${name.replaceAll(/[^\x20-\x7e]/g, '?')}`
    const numbers = values.slice(0, MOST_PRINTED).map((value, k) => reading(start + k)?.(value) ?? value)
    start += count
    if (shown === 'private') return `${title}: private`
    if (shown === 'committed') return `${title}: committed, ${commitment}`
    const more = count > MOST_PRINTED ? `, … (${count} in all)` : ''
    const unit = reading(0) === null ? ' (integers of the program)' : ''
    return `${title}: public, ${numbers.map((value) => Number(value.toPrecision(6))).join(', ')}${more}${unit}`
  })
}

function inputReal(program: IntegerProgram | null, at: number): ((integer: number) => number) | null {
  if (program === null) return null
  const { tensor, pieces } = program.input
  if (pieces === undefined) return (value) => value * tensorOf(program, tensor).scale
  let end = 0
  const piece = pieces.find(({ count }) => {
    end += count
    return at < end
  }) as InputPiece
  return (value) => (value - piece.zero) * piece.scale
}

function outputReal(program: IntegerProgram | null): ((integer: number) => number) | null {
  if (program === null) return null
  const { scale } = tensorOf(program, program.scores)
  return (value) => value * scale
}
