// SPDX-License-Identifier: GPL-3.0-or-later
// The frame of a `.wtns` file (iden3, version 2): one section for the header, one for the values.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { sectionsOf, typeOf } from '../sections.ts'
import { bytesToField, fieldToBytes } from '../setup/curve-memory.ts'
import { ProveError } from './errors.ts'

const FORMAT = { type: 'wtns', version: 2 }
const HEADER_SECTION = 1
const VALUES_SECTION = 2

/** The values of a witness file, 32 bytes little endian each; a view, not a copy. */
export function witnessValues(file: Uint8Array): Uint8Array {
  const malformed = (what: string) => new ProveError('malformed', `witness: ${what}`)
  const sections = sectionsOf(file, FORMAT, malformed)
  const header = sections.get(HEADER_SECTION)
  const values = sections.get(VALUES_SECTION)
  if (header?.byteLength !== 8 + FIELD_BYTES || values === undefined) throw malformed('a section is missing')
  if (bytesToField(header, 4) !== SCALAR_FIELD) throw malformed('is over another field than BN254')
  const count = new DataView(header.buffer, header.byteOffset).getUint32(4 + FIELD_BYTES, true)
  if (values.byteLength !== count * FIELD_BYTES) throw malformed(`states ${count} values and holds another number`)
  return values
}

/** Values as a `.wtns` file, for programs that read no other form. */
export function encodeWitnessFile(values: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(12 + 12 + 8 + FIELD_BYTES + 12 + values.byteLength)
  const view = new DataView(file.buffer)
  file.set([...FORMAT.type].map((letter) => letter.charCodeAt(0)))
  view.setUint32(4, FORMAT.version, true)
  view.setUint32(8, 2, true)
  view.setUint32(12, HEADER_SECTION, true)
  view.setBigUint64(16, BigInt(8 + FIELD_BYTES), true)
  view.setUint32(24, FIELD_BYTES, true)
  file.set(fieldToBytes(SCALAR_FIELD), 28)
  view.setUint32(28 + FIELD_BYTES, values.byteLength / FIELD_BYTES, true)
  const section = 32 + FIELD_BYTES
  view.setUint32(section, VALUES_SECTION, true)
  view.setBigUint64(section + 4, BigInt(values.byteLength), true)
  file.set(values, section + 12)
  return file
}

/**
 * The values of a witness for a circuit of `variables`: plain values, or a `.wtns` file. Throws ProveError when it belongs to
 * another circuit, its first value is not the constant one, or a value is r or more.
 */
export function witnessOf(witness: Uint8Array, variables: number): Uint8Array<ArrayBuffer> {
  // Plain values begin with the number one, a file with letters.
  const values = typeOf(witness) === FORMAT.type ? witnessValues(witness) : witness
  const count = values.byteLength / FIELD_BYTES
  if (!Number.isInteger(count))
    throw new ProveError('malformed', `witness: ${values.byteLength} bytes are not values of ${FIELD_BYTES}`)
  if (count !== variables) {
    throw new ProveError(
      'circuit-mismatch',
      `the witness has ${count} values, the key ${variables}: they belong to different circuits`,
    )
  }
  if (bytesToField(values) !== 1n) throw new ProveError('malformed', 'witness: the first value is not one')
  const copy = new Uint8Array(values)
  requireBelowField(copy)
  return copy
}

/** The upper 64 bits of r: a value with lower ones is below r, and nearly all values of a witness are such. */
const UPPER = SCALAR_FIELD >> 192n

/** A number and the same plus r are two witnesses of one statement; only the one below r is a value of the field. */
function requireBelowField(values: Uint8Array): void {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  for (let at = 0; at < values.byteLength; at += FIELD_BYTES)
    if (view.getBigUint64(at + 24, true) >= UPPER && bytesToField(values, at) >= SCALAR_FIELD)
      throw new ProveError('malformed', `witness: value ${at / FIELD_BYTES} is not below the field's order r`)
}

/** The public signals: the values after the constant one. */
export function publicValues(values: Uint8Array, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => bytesToField(values, (i + 1) * FIELD_BYTES))
}
