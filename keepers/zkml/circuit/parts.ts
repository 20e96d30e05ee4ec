// SPDX-License-Identifier: GPL-3.0-or-later
// Several inputs, or several outputs, each shown in its own way, in one public signal:
//
//   signal = chain(header, [0, c₁, c₂, …])
//   header = the domain `inputs` or `outputs`, the layout of each part, and how each is shown
//   cᵢ     = the commitment to part i alone, as of an input with that layout: salt 0 where it is public, its own salt where it is
//            committed, 0 where it is private
//
// Anyone who has every cᵢ can recompute the signal, and then check the parts that they know one by one. Each committed part has its
// own salt, so opening one opens no other. A network that takes an output in commits to that output's cᵢ.
import type { InputSpec, InputVisibility, IntegerProgram, Visibility } from '../graph/program.ts'
import type { Part } from '../graph/types.ts'
import { commitmentHeader, commitSegments, type SegmentShape } from './commitment.ts'
import { CircuitError } from './errors.ts'
import { poseidonChain } from './poseidon.ts'

export type PartsDomain = 'inputs' | 'outputs'

/** How each of several parts is shown, in their order. */
export type PartVisibilities = readonly Visibility[]

/** A part with its place in the whole list. */
export type PlacedPart = Part & { readonly start: number; readonly shown: Visibility }

/** The disclosed form of a part: 0 for a private one; for a public one its integers, which open the commitment. */
export type PartCommitment = {
  readonly name: string
  readonly shown: Visibility
  readonly commitment: bigint
  readonly values?: readonly number[] | undefined
}

const CODES: Readonly<Record<Visibility, bigint>> = { public: 0n, committed: 1n, private: 2n }

export function isInParts<Whole extends string>(shown: Whole | PartVisibilities): shown is PartVisibilities {
  return typeof shown !== 'string'
}

/**
 * The program's inputs or outputs with how each is shown.
 * @throws CircuitError `unsupported` when it has no parts, another number of them, or none that is shown
 */
export function placedParts(program: IntegerProgram, domain: PartsDomain, shown: PartVisibilities): PlacedPart[] {
  const parts = domain === 'inputs' ? program.input.parts : program.outputs
  const fail = (message: string): never => {
    throw new CircuitError('unsupported', `program ${program.name}: ${message}`)
  }
  if (domain === 'outputs' && program.output.kind !== 'logits-commitment')
    fail(`outputs are shown one by one under logits-commitment alone; its output is ${program.output.kind}`)
  if (parts === undefined || parts.length !== shown.length)
    return fail(`visibilities of ${shown.length} ${domain}, of which it has ${parts?.length ?? 1}`)
  if (shown.every((each) => each === 'private'))
    fail(`every one of its ${domain} is private, so the proof would say nothing of them; show at least one`)
  let start = 0
  return parts.map((part, i) => {
    const placed = { ...part, start, shown: shown[i]! }
    start += part.count
    return placed
  })
}

/** Names of the parts that are committed to under salts. */
export function saltedParts(
  program: IntegerProgram,
  domain: PartsDomain,
  shown: InputVisibility | PartVisibilities,
): string[] {
  if (!isInParts(shown)) return []
  return placedParts(program, domain, shown).flatMap((part) => (part.shown === 'committed' ? [part.name] : []))
}

/** The constant that the signal's chain starts from. `layout`: bits and least value of every element. */
export function partsHeader(
  domain: PartsDomain,
  parts: readonly Pick<PlacedPart, 'count' | 'shown'>[],
  { bits, min }: Pick<SegmentShape, 'bits' | 'min'>,
): bigint {
  return commitmentHeader(
    domain,
    parts.map(({ count }) => ({ count, bits, min })),
    parts.map(({ shown }) => CODES[shown]),
  )
}

/** The disclosed form of each part. `salts` by the names of parts. @throws CircuitError `wrong-input` naming a part without salt */
export function partCommitments(
  parts: readonly PlacedPart[],
  values: ArrayLike<number>,
  { bits, min }: Pick<InputSpec, 'bits' | 'min'>,
  salts: ReadonlyMap<string, bigint>,
): PartCommitment[] {
  return parts.map(({ name, start, count, shown }) => {
    if (shown === 'private') return { name, shown, commitment: 0n }
    const part = Array.from({ length: count }, (_, i) => values[start + i]!)
    const commitment = commitSegments('input', [{ values: part, bits, min }], partSalt(salts, name, shown))
    return { name, shown, commitment, ...(shown === 'public' ? { values: part } : {}) }
  })
}

/** The public signal that stands for all parts. */
export function partsSignal(
  domain: PartsDomain,
  parts: readonly Pick<PlacedPart, 'count' | 'shown'>[],
  layout: Pick<SegmentShape, 'bits' | 'min'>,
  commitments: readonly bigint[],
): bigint {
  return poseidonChain(partsHeader(domain, parts, layout), [0n, ...commitments])
}

/** The first part with a statement that differs from the public signal; null when all are true. */
export function partsFault(
  domain: PartsDomain,
  parts: readonly Pick<PlacedPart, 'name' | 'count' | 'shown'>[],
  layout: Pick<SegmentShape, 'bits' | 'min'>,
  said: readonly PartCommitment[],
  signal: bigint,
): string | null {
  if (said.length !== parts.length) return `${said.length} ${domain} where the circuit has ${parts.length}`
  for (const [i, { name, shown, commitment, values }] of said.entries()) {
    const part = parts[i]!
    if (name !== part.name || shown !== part.shown)
      return `${name} ${shown} where the circuit has ${part.name} ${part.shown}`
    if (shown === 'private' && commitment !== 0n) return `a commitment to ${name}, which is private`
    if (shown !== 'public') continue
    if (values?.length !== part.count) return `${values?.length ?? 'no'} values of ${name}, which has ${part.count}`
    if (values.some((value) => value < layout.min || value >= layout.min + 2 ** layout.bits))
      return `a value of ${name} out of range`
    if (commitSegments('input', [{ ...layout, values }], 0n) !== commitment)
      return `values of ${name} that its commitment is not to`
  }
  const commitments = said.map(({ commitment }) => commitment)
  return partsSignal(domain, parts, layout, commitments) === signal
    ? null
    : `${domain} that the public signal is not of`
}

export function partSalt(salts: ReadonlyMap<string, bigint>, name: string, shown: Visibility): bigint {
  if (shown === 'public') return 0n
  const salt = salts.get(name)
  if (salt === undefined)
    throw new CircuitError('wrong-input', `the salt of ${name} is missing; randomSalt() makes one of 248 bits`)
  return salt
}
