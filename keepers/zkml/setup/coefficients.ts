// SPDX-License-Identifier: GPL-3.0-or-later
// The coefficients section of a zkey: the A and B matrices that a prover multiplies the witness by.
import { FIELD_BYTES } from '../bn254.ts'
import { type ConstraintBatch, constraintBatches, visitTerms } from './constraint-batches.ts'
import type { CurveMemory } from './curve-memory.ts'
import { fieldToBytes } from './curve-memory.ts'
import type { R1cs } from './r1cs.ts'
import { COEFFICIENT_BYTES } from './zkey.ts'

/** Terms of A and B, and one row of A for the constant and each public signal (see qap.ts). */
export function coefficientCount(r1cs: R1cs): number {
  let count = r1cs.header.publicSignals + 1
  for (const batch of constraintBatches(r1cs)) count += countTerms(batch)
  return count
}

/**
 * The entries in snarkjs' form: matrix, row, variable, and the value times R² mod r, because the prover's Montgomery
 * product with a plain witness then comes out in Montgomery form. The memory holds nothing of it afterwards.
 */
export async function* encodeCoefficients(
  memory: CurveMemory,
  r1cs: R1cs,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const toMontgomery = memory.kernel('frm_toMontgomery')
  for (const batch of constraintBatches(r1cs)) {
    signal?.throwIfAborted()
    const output = new Uint8Array(countTerms(batch) * COEFFICIENT_BYTES)
    const view = new DataView(output.buffer)
    const mark = memory.mark()
    const base = memory.allocBytes(batch.bytes)
    let at = 0
    visitTerms(batch, (side, constraint, variable, offset) => {
      if (side === 2) return
      const value = base + offset
      toMontgomery(value, value)
      toMontgomery(value, value)
      view.setUint32(at, side, true)
      view.setUint32(at + 4, constraint, true)
      view.setUint32(at + 8, variable, true)
      output.set(memory.bytes.subarray(value, value + FIELD_BYTES), at + 12)
      at += COEFFICIENT_BYTES
    })
    memory.release(mark)
    yield output
  }
  yield publicRows(memory, r1cs)
}

function publicRows(memory: CurveMemory, r1cs: R1cs): Uint8Array {
  const { constraints, publicSignals } = r1cs.header
  const mark = memory.mark()
  const one = memory.allocBytes(fieldToBytes(1n))
  memory.kernel('frm_toMontgomery')(one, one)
  memory.kernel('frm_toMontgomery')(one, one)
  const output = new Uint8Array((publicSignals + 1) * COEFFICIENT_BYTES)
  const view = new DataView(output.buffer)
  for (let s = 0; s <= publicSignals; s++) {
    const at = s * COEFFICIENT_BYTES
    view.setUint32(at + 4, constraints + s, true)
    view.setUint32(at + 8, s, true)
    output.set(memory.read(one, FIELD_BYTES), at + 12)
  }
  memory.release(mark)
  return output
}

function countTerms(batch: ConstraintBatch): number {
  let count = 0
  visitTerms(batch, (side) => {
    if (side !== 2) count++
  })
  return count
}
