// SPDX-License-Identifier: GPL-3.0-or-later
// The Groth16 zkey of snarkjs, version 1 (snarkjs src/zkey_utils.js describes the sections): its contents, and a reader that
// refuses a file with sections that do not fit its header.
import { BASE_FIELD, FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { type Part, readPart } from '../parts.ts'
import { sectionsOf } from '../sections.ts'
import { bytesToField, POINT_BYTES } from './curve-memory.ts'
import { SetupError } from './errors.ts'

export const ZKEY_SECTION = {
  protocol: 1,
  header: 2,
  ic: 3,
  coefficients: 4,
  a: 5,
  b1: 6,
  b2: 7,
  c: 8,
  h: 9,
  contributions: 10,
} as const

export type ZkeySection = keyof typeof ZKEY_SECTION

/** The sections that grow with the circuit; of a key on disk they are read where they are used. */
const LARGE_SECTIONS = ['coefficients', 'a', 'b1', 'b2', 'c', 'h', 'commitment'] as const
type LargeSection = (typeof LARGE_SECTIONS)[number]

export type SectionsOf<Name extends string, P> = Readonly<
  Record<Exclude<Name, LargeSection>, Uint8Array> & Record<Extract<Name, LargeSection>, P>
>

const FORMAT = { type: 'zkey', version: 1 }
export const GROTH16_PROTOCOL = 1
/** Groth16 in two rounds, after MIRAGE (ePrint 2020/278); a number that no other program gives a system. */
export const TWO_ROUND_PROTOCOL = 2_020_278
/** matrix, row, variable: three words before each value of the coefficients section. */
export const COEFFICIENT_BYTES = 12 + FIELD_BYTES

/** A local key's circuit hash begins with these 32 letters; the SHA-256 of its r1cs follows. */
export const LOCAL_SETUP_MARK = 'cohort local single-party set-up'

export type ZkeyHeader = {
  readonly variables: number
  readonly publicSignals: number
  /** Number of evaluation points, a power of two. */
  readonly domainSize: number
}

export type Zkey<P extends Part = Uint8Array> = {
  readonly header: ZkeyHeader
  readonly sections: SectionsOf<ZkeySection, P>
  /** Whether the key bears the mark of a local set-up. */
  readonly local: boolean
  /** The circuit hash, 64 bytes. */
  readonly circuitHash: Uint8Array
}

const POINTS_IN_HEADER = 3 * POINT_BYTES.g1.affine + 3 * POINT_BYTES.g2.affine
const HEADER_BYTES = 2 * (4 + FIELD_BYTES) + 12 + POINTS_IN_HEADER
/** Where alpha begins in the header section. */
export const HEADER_POINTS_OFFSET = HEADER_BYTES - POINTS_IN_HEADER

/**
 * Reads a zkey; the large sections are views of it, not copies.
 * Throws SetupError `zkey-malformed` when anything is missing, truncated or of the wrong length.
 */
export function parseZkey<P extends Part>(file: P, name = 'zkey'): Zkey<P> {
  const malformed = (what: string) => new SetupError('zkey-malformed', `${name}: ${what}; run the set-up again`)
  const found = zkeySections(file, malformed)
  const protocol = protocolOf(found)
  if (protocol === TWO_ROUND_PROTOCOL) {
    throw new SetupError(
      'zkey-malformed',
      `${name}: is a key for Groth16 in two rounds (groth16-lookup), not for plain Groth16; use the prover of that system`,
    )
  }
  if (protocol !== GROTH16_PROTOCOL) throw malformed('is not a Groth16 key')
  const sections = namedSections<ZkeySection, P>(found, ZKEY_SECTION, malformed)
  const header = parseHeader(sections.header, malformed)
  checkLengths(sections, header, malformed)
  return { header, sections, ...circuitHashOf(sections.contributions) }
}

type Malformed = (what: string) => SetupError

/** The sections of a key of either system, by number. */
export function zkeySections<P extends Part>(file: P, malformed: Malformed): Map<number, P> {
  return sectionsOf(file, FORMAT, malformed)
}

/** The sections by name, the small ones read. */
export function namedSections<Name extends string, P extends Part>(
  found: ReadonlyMap<number, P>,
  numbers: Readonly<Record<Name, number>>,
  malformed: Malformed,
): SectionsOf<Name, P> {
  const entries = (Object.keys(numbers) as Name[]).map((name) => {
    const part = found.get(numbers[name])
    if (part === undefined) throw malformed(`section ${numbers[name]} (${name}) is missing`)
    return [name, (LARGE_SECTIONS as readonly string[]).includes(name) ? part : readPart(part)]
  })
  return Object.fromEntries(entries) as SectionsOf<Name, P>
}

/** Which system a key is for; undefined when its first section does not say. */
export function protocolOf(sections: ReadonlyMap<number, Part>): number | undefined {
  const part = sections.get(ZKEY_SECTION.protocol)
  return part?.byteLength === 4 ? wordAt(readPart(part), 0) : undefined
}

export function circuitHashOf(contributions: Uint8Array): Pick<Zkey, 'local' | 'circuitHash'> {
  const circuitHash = contributions.subarray(0, 64)
  const mark = String.fromCharCode(...circuitHash.subarray(0, LOCAL_SETUP_MARK.length))
  return { local: mark === LOCAL_SETUP_MARK, circuitHash }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
}

function parseHeader(bytes: Uint8Array, malformed: Malformed): ZkeyHeader {
  if (bytes.byteLength !== HEADER_BYTES)
    throw malformed(`the header has ${bytes.byteLength} bytes, not ${HEADER_BYTES}`)
  const words = requireFields(bytes, malformed)
  const header = {
    variables: wordAt(bytes, words),
    publicSignals: wordAt(bytes, words + 4),
    domainSize: wordAt(bytes, words + 8),
  }
  requireDomain(header.domainSize, malformed)
  if (header.publicSignals + 1 > header.variables) throw malformed('more public signals than variables')
  return header
}

/** Both primes that a header begins with; returns where its words begin. */
export function requireFields(header: Uint8Array, malformed: Malformed): number {
  const second = 4 + FIELD_BYTES
  if (bytesToField(header, 4) !== BASE_FIELD || bytesToField(header, second + 4) !== SCALAR_FIELD) {
    throw malformed('is not over BN254')
  }
  return 2 * second
}

export function requireDomain(size: number, malformed: Malformed): void {
  if (size < 2 || 2 ** (31 - Math.clz32(size)) !== size) throw malformed(`domain of ${size} points`)
}

function checkLengths(sections: SectionsOf<ZkeySection, Part>, header: ZkeyHeader, malformed: Malformed): void {
  const { variables, publicSignals, domainSize } = header
  const g1 = POINT_BYTES.g1.affine
  const expected = {
    ic: (publicSignals + 1) * g1,
    a: variables * g1,
    b1: variables * g1,
    b2: variables * POINT_BYTES.g2.affine,
    c: (variables - publicSignals - 1) * g1,
    h: domainSize * g1,
  }
  requireLengths(sections, expected, malformed)
}

/** The lengths that a header asks for, and whole coefficients and contributions. */
export function requireLengths(
  sections: Readonly<Record<string, Part>> & Record<'coefficients', Part> & Record<'contributions', Uint8Array>,
  expected: Readonly<Record<string, number>>,
  malformed: Malformed,
): void {
  for (const [section, length] of Object.entries(expected)) {
    const actual = sections[section]!.byteLength
    if (actual !== length) throw malformed(`section ${section} has ${actual} bytes, the header asks for ${length}`)
  }
  const { coefficients, contributions } = sections
  const count = coefficients.byteLength >= 4 ? wordAt(readPart(coefficients, 0, 4), 0) : -1
  if (coefficients.byteLength !== 4 + count * COEFFICIENT_BYTES) throw malformed('the coefficients are incomplete')
  if (contributions.byteLength < 68) throw malformed('the record of contributions is incomplete')
}
