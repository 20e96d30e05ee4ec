// SPDX-License-Identifier: GPL-3.0-or-later
// The frame of a `.wtns` file (iden3, version 2): one section for the header, one for the values.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { bytesToField } from '../setup/curve-memory.ts'
import { ProveError } from './errors.ts'

const HEADER_SECTION = 1
const VALUES_SECTION = 2

/** The values of a witness file, 32 bytes little endian each; a view, not a copy. */
export function witnessValues(file: Uint8Array): Uint8Array {
  const malformed = (what: string) => new ProveError('malformed', `witness: ${what}`)
  if (file.byteLength < 12 || String.fromCharCode(...file.subarray(0, 4)) !== 'wtns') throw malformed('is no wtns file')
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const sections = new Map<number, Uint8Array>()
  let at = 12
  for (let remaining = view.getUint32(8, true); remaining > 0; remaining--) {
    if (at + 12 > file.byteLength) throw malformed('ends inside a section header')
    const size = Number(view.getBigUint64(at + 4, true))
    if (at + 12 + size > file.byteLength) throw malformed('is truncated')
    sections.set(view.getUint32(at, true), file.subarray(at + 12, at + 12 + size))
    at += 12 + size
  }
  const header = sections.get(HEADER_SECTION)
  const values = sections.get(VALUES_SECTION)
  if (header?.byteLength !== 8 + FIELD_BYTES || values === undefined) throw malformed('a section is missing')
  if (bytesToField(header, 4) !== SCALAR_FIELD) throw malformed('is over another field than BN254')
  const count = new DataView(header.buffer, header.byteOffset).getUint32(4 + FIELD_BYTES, true)
  if (values.byteLength !== count * FIELD_BYTES) throw malformed(`states ${count} values and holds another number`)
  return values
}

/** The values of a witness for a circuit of `variables`. Throws ProveError when it is for another one. */
export function witnessOf(file: Uint8Array, variables: number): Uint8Array<ArrayBuffer> {
  const values = witnessValues(file)
  const count = values.byteLength / FIELD_BYTES
  if (count !== variables) {
    throw new ProveError(
      'circuit-mismatch',
      `the witness has ${count} values, the key ${variables}: they belong to different circuits`,
    )
  }
  return new Uint8Array(values)
}

/** The public signals: the values after the constant one. */
export function publicValues(values: Uint8Array, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => bytesToField(values, (i + 1) * FIELD_BYTES))
}
