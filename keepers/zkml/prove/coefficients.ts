// SPDX-License-Identifier: GPL-3.0-or-later
// The coefficients section of a key, without the count that it begins with: entries of matrix, row, variable and value.
import { type Part, piecesOf } from '../parts.ts'
import { COEFFICIENT_BYTES } from '../setup/zkey.ts'
import { ProveError } from './errors.ts'
import type { ShareOfKey } from './requests.ts'

const ENTRIES_AT_ONCE = 1 << 14

/** The rows of one thread, and the entries that it has or is to choose from. */
export type RowsOfKey = Pick<ShareOfKey, 'coefficients' | 'firstRow' | 'rows'>

/** Calls back with the matrix, the row from `firstRow` on, the variable and the value's bytes, which last until the next call. */
export function forEachEntry(
  { coefficients, firstRow, rows }: RowsOfKey,
  visit: (matrix: number, row: number, variable: number, value: Uint8Array) => void,
): void {
  for (const { bytes } of piecesOf(coefficients, ENTRIES_AT_ONCE * COEFFICIENT_BYTES)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.byteLength; at += COEFFICIENT_BYTES) {
      const row = view.getUint32(at + 4, true) - firstRow
      if (row < 0 || row >= rows) continue
      const variable = view.getUint32(at + 8, true)
      visit(view.getUint32(at, true), row, variable, bytes.subarray(at + 12, at + COEFFICIENT_BYTES))
    }
  }
}

/** Throws ProveError `malformed` for an entry outside the key's domain or its variables. */
export function requireEntries(coefficients: Part, domainSize: number, variables: number): void {
  for (const { bytes } of piecesOf(coefficients, ENTRIES_AT_ONCE * COEFFICIENT_BYTES)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.byteLength; at += COEFFICIENT_BYTES) {
      if (view.getUint32(at + 4, true) >= domainSize)
        throw new ProveError('malformed', 'the key has a coefficient outside its domain')
      if (view.getUint32(at + 8, true) >= variables)
        throw new ProveError('malformed', `the key has a coefficient of a variable beyond its ${variables}`)
    }
  }
}

/** A copy of the entries of these rows alone. */
export function entriesOfRows(share: RowsOfKey): Uint8Array<ArrayBuffer> {
  let count = 0
  forEachEntry(share, () => count++)
  const copy = new Uint8Array(count * COEFFICIENT_BYTES)
  const view = new DataView(copy.buffer)
  let at = 0
  forEachEntry(share, (matrix, row, variable, value) => {
    for (const [i, word] of [matrix, share.firstRow + row, variable].entries()) view.setUint32(at + 4 * i, word, true)
    copy.set(value, at + 12)
    at += COEFFICIENT_BYTES
  })
  return copy
}
