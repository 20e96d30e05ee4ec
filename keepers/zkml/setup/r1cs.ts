// SPDX-License-Identifier: GPL-3.0-or-later
// A length-checked reader of the iden3 r1cs format, version 1
// (https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md).
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { sectionsOf } from '../sections.ts'
import { SetupError } from './errors.ts'

export type R1csHeader = {
  /** All variables, the constant one included: the length of a witness. */
  readonly variables: number
  readonly outputs: number
  readonly publicInputs: number
  readonly privateInputs: number
  readonly constraints: number
  /** Public signals (outputs, then public inputs), without the constant one. */
  readonly publicSignals: number
}

export type R1cs = {
  readonly header: R1csHeader
  /** The bytes of the constraints section. */
  readonly constraints: Uint8Array
}

const FORMAT = { type: 'r1cs', version: 1 }
const HEADER_SECTION = 1
const CONSTRAINTS_SECTION = 2
const CUSTOM_GATES_SECTION = 4
const HEADER_BYTES = 4 + FIELD_BYTES + 4 * 4 + 8 + 4

/**
 * Reads an r1cs file held in memory. Checks the frame, the field and every length and index, so that later passes
 * can walk the constraints without checks.
 *
 * Throws SetupError `r1cs-malformed` or `r1cs-unsupported`.
 */
export function parseR1cs(file: Uint8Array, name = 'r1cs'): R1cs {
  const malformed = (what: string) => new SetupError('r1cs-malformed', `${name}: ${what}; compile the circuit again`)
  const unsupported = (what: string) => new SetupError('r1cs-unsupported', `${name}: ${what}`)
  const sections = sectionsOf(file, FORMAT, malformed, unsupported)
  const headerBytes = sections.get(HEADER_SECTION)
  const constraints = sections.get(CONSTRAINTS_SECTION)
  if (headerBytes === undefined || constraints === undefined)
    throw malformed('the header or the constraints are missing')
  const gates = sections.get(CUSTOM_GATES_SECTION)
  if (gates?.some((byte) => byte !== 0)) {
    throw new SetupError('r1cs-unsupported', `${name}: custom gates have no place in Groth16`)
  }
  const header = parseHeader(headerBytes, name, malformed)
  checkConstraints(constraints, header, malformed)
  return { header, constraints }
}

function parseHeader(bytes: Uint8Array, name: string, malformed: (what: string) => SetupError): R1csHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.byteLength < 4 || view.getUint32(0, true) !== FIELD_BYTES) {
    throw new SetupError(
      'r1cs-unsupported',
      `${name}: field elements are not ${FIELD_BYTES} bytes; use the bn128 prime`,
    )
  }
  if (bytes.byteLength !== HEADER_BYTES)
    throw malformed(`the header has ${bytes.byteLength} bytes, not ${HEADER_BYTES}`)
  let prime = 0n
  for (let i = FIELD_BYTES - 1; i >= 0; i--) prime = (prime << 8n) | BigInt(bytes[4 + i]!)
  if (prime !== SCALAR_FIELD) {
    throw new SetupError('r1cs-unsupported', `${name}: the field is ${prime}; compile for bn128`)
  }
  const word = (index: number) => view.getUint32(4 + FIELD_BYTES + 4 * index, true)
  const [variables, outputs, publicInputs, privateInputs] = [word(0), word(1), word(2), word(3)]
  const constraints = word(6)
  const publicSignals = outputs + publicInputs
  if (publicSignals + privateInputs + 1 > variables) {
    throw malformed(`${variables} variables cannot hold ${publicSignals} public and ${privateInputs} private signals`)
  }
  if (constraints === 0)
    throw new SetupError('r1cs-unsupported', `${name}: a circuit without constraints proves nothing`)
  return { variables, outputs, publicInputs, privateInputs, constraints, publicSignals }
}

function checkConstraints(bytes: Uint8Array, header: R1csHeader, malformed: (what: string) => SetupError): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entry = 4 + FIELD_BYTES
  let at = 0
  for (let constraint = 0; constraint < header.constraints; constraint++) {
    for (let side = 0; side < 3; side++) {
      if (at + 4 > bytes.byteLength) throw malformed(`constraint ${constraint} is missing`)
      const terms = view.getUint32(at, true)
      at += 4
      if (at + terms * entry > bytes.byteLength)
        throw malformed(`constraint ${constraint} states ${terms} terms, too many`)
      for (let term = 0; term < terms; term++, at += entry) {
        const variable = view.getUint32(at, true)
        if (variable >= header.variables) throw malformed(`constraint ${constraint} names variable ${variable}`)
        // Only the top word: a value in [r, 2^253.6…) would be reduced by the arithmetic, never misread.
        if (view.getUint32(at + entry - 4, true) > TOP_WORD) throw malformed(`constraint ${constraint} has a value ≥ r`)
      }
    }
  }
  if (at !== bytes.byteLength) throw malformed(`${bytes.byteLength - at} bytes follow the last constraint`)
}

/** The most significant 32 bits of r. */
const TOP_WORD = Number(SCALAR_FIELD >> 224n)
