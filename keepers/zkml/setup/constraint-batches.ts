// SPDX-License-Identifier: GPL-3.0-or-later
// The constraints of a circuit in pieces that fit beside other things in a WebAssembly memory.
import { FIELD_BYTES } from '../bn254.ts'
import type { R1cs } from './r1cs.ts'

/** A run of whole constraints: `bytes` is their part of the section. */
export type ConstraintBatch = { readonly first: number; readonly count: number; readonly bytes: Uint8Array }

/** One term of a linear combination: A, B or C (0, 1, 2) of a constraint holds coefficient × variable. */
export type TermVisitor = (side: 0 | 1 | 2, constraint: number, variable: number, coefficientOffset: number) => void

const SIDES = [0, 1, 2] as const
const TERM_BYTES = 4 + FIELD_BYTES

/** Splits the section after each constraint that fills a batch; a batch exceeds `maxBytes` only for one constraint. */
export function* constraintBatches(r1cs: R1cs, maxBytes = 1 << 24): Generator<ConstraintBatch> {
  const { constraints: bytes, header } = r1cs
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let batchStart = 0
  let first = 0
  let at = 0
  for (let constraint = 0; constraint < header.constraints; constraint++) {
    const start = at
    for (const _ of SIDES) at += 4 + view.getUint32(at, true) * TERM_BYTES
    if (at - batchStart > maxBytes && start > batchStart) {
      yield { first, count: constraint - first, bytes: bytes.subarray(batchStart, start) }
      batchStart = start
      first = constraint
    }
  }
  yield { first, count: header.constraints - first, bytes: bytes.subarray(batchStart, at) }
}

/** Calls the visitor for every term; offsets are into the batch's bytes. The batch was checked by parseR1cs. */
export function visitTerms(batch: ConstraintBatch, visit: TermVisitor): void {
  const { bytes, first, count } = batch
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  for (let constraint = first; constraint < first + count; constraint++) {
    for (const side of SIDES) {
      let terms = view.getUint32(at, true)
      at += 4
      for (; terms > 0; terms--, at += TERM_BYTES) visit(side, constraint, view.getUint32(at, true), at + 4)
    }
  }
}
