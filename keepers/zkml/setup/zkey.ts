// SPDX-License-Identifier: GPL-3.0-or-later
// The Groth16 zkey of snarkjs, version 1 (snarkjs src/zkey_utils.js describes the sections): what is in it, and a
// reader that refuses a file whose sections do not fit its header.
import { BASE_FIELD, FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
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

const FORMAT = { type: 'zkey', version: 1 }
export const GROTH16_PROTOCOL = 1
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

export type Zkey = {
  readonly header: ZkeyHeader
  readonly sections: Readonly<Record<ZkeySection, Uint8Array>>
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
 * Reads a zkey held in memory; the sections are views of it, not copies.
 * Throws SetupError `zkey-malformed` when anything is missing, truncated or of the wrong length.
 */
export function parseZkey(file: Uint8Array, name = 'zkey'): Zkey {
  const malformed = (what: string) => new SetupError('zkey-malformed', `${name}: ${what}; run the set-up again`)
  const found = sectionsOf(file, FORMAT, malformed)
  const sections = {} as Record<ZkeySection, Uint8Array>
  for (const [section, id] of Object.entries(ZKEY_SECTION)) {
    const bytes = found.get(id)
    if (bytes === undefined) throw malformed(`section ${id} (${section}) is missing`)
    sections[section as ZkeySection] = bytes
  }
  const header = parseHeader(sections, malformed)
  checkLengths(sections, header, malformed)
  const circuitHash = sections.contributions.subarray(0, 64)
  const mark = String.fromCharCode(...circuitHash.subarray(0, LOCAL_SETUP_MARK.length))
  return { header, sections, local: mark === LOCAL_SETUP_MARK, circuitHash }
}

type Malformed = (what: string) => SetupError

function parseHeader(sections: Record<ZkeySection, Uint8Array>, malformed: Malformed): ZkeyHeader {
  const word = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
  if (sections.protocol.byteLength !== 4 || word(sections.protocol, 0) !== GROTH16_PROTOCOL) {
    throw malformed('is not a Groth16 key')
  }
  const bytes = sections.header
  if (bytes.byteLength !== HEADER_BYTES)
    throw malformed(`the header has ${bytes.byteLength} bytes, not ${HEADER_BYTES}`)
  const second = 4 + FIELD_BYTES
  if (bytesToField(bytes, 4) !== BASE_FIELD || bytesToField(bytes, second + 4) !== SCALAR_FIELD) {
    throw malformed('is not over BN254')
  }
  const words = 2 * second
  const header = {
    variables: word(bytes, words),
    publicSignals: word(bytes, words + 4),
    domainSize: word(bytes, words + 8),
  }
  const { domainSize } = header
  if (domainSize < 2 || 2 ** (31 - Math.clz32(domainSize)) !== domainSize)
    throw malformed(`domain of ${domainSize} points`)
  if (header.publicSignals + 1 > header.variables) throw malformed('more public signals than variables')
  return header
}

function checkLengths(sections: Record<ZkeySection, Uint8Array>, header: ZkeyHeader, malformed: Malformed): void {
  const { variables, publicSignals, domainSize } = header
  const g1 = POINT_BYTES.g1.affine
  const expected: Partial<Record<ZkeySection, number>> = {
    ic: (publicSignals + 1) * g1,
    a: variables * g1,
    b1: variables * g1,
    b2: variables * POINT_BYTES.g2.affine,
    c: (variables - publicSignals - 1) * g1,
    h: domainSize * g1,
  }
  for (const [section, length] of Object.entries(expected)) {
    const actual = sections[section as ZkeySection].byteLength
    if (actual !== length) throw malformed(`section ${section} has ${actual} bytes, the header asks for ${length}`)
  }
  const { coefficients, contributions } = sections
  const count =
    coefficients.byteLength >= 4 ? new DataView(coefficients.buffer, coefficients.byteOffset).getUint32(0, true) : -1
  if (coefficients.byteLength !== 4 + count * COEFFICIENT_BYTES) throw malformed('the coefficients are incomplete')
  if (contributions.byteLength < 68) throw malformed('the record of contributions is incomplete')
}
