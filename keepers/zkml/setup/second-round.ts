// SPDX-License-Identifier: GPL-3.0-or-later
// The constraints of an r1cs that a challenge reaches.
import { modulo } from './challenge-degrees.ts'
import { constraintBatches, visitTerms } from './constraint-batches.ts'
import { bytesToField } from './curve-memory.ts'
import type { R1cs } from './r1cs.ts'
import type { WireBorders } from './two-round-shape.ts'

/** A linear combination: wire → coefficient, not zero. */
export type Combination = ReadonlyMap<number, bigint>

/** A · B = C, with a challenge or a wire of the second round among its wires. */
export type DependentConstraint = {
  readonly index: number
  readonly a: Combination
  readonly b: Combination
  readonly c: Combination
  readonly wires: ReadonlySet<number>
}

/** In the order of the r1cs. Adds up the terms of one wire; leaves out wires with terms that cancel. */
export function dependentConstraints(r1cs: R1cs, borders: WireBorders): DependentConstraint[] {
  const found: DependentConstraint[] = []
  const depends = (wire: number) =>
    wire >= borders.secondRound || (wire >= borders.challenges && wire < borders.firstRound)
  for (const batch of constraintBatches(r1cs)) {
    const reached = new Uint8Array(batch.count)
    visitTerms(batch, (_, constraint, wire) => {
      if (depends(wire)) reached[constraint - batch.first] = 1
    })
    const sides = new Map<number, [Map<number, bigint>, Map<number, bigint>, Map<number, bigint>]>()
    visitTerms(batch, (side, constraint, wire, offset) => {
      if (reached[constraint - batch.first] === 0) return
      let row = sides.get(constraint)
      if (row === undefined) {
        row = [new Map(), new Map(), new Map()]
        sides.set(constraint, row)
      }
      const sum = modulo((row[side].get(wire) ?? 0n) + bytesToField(batch.bytes, offset))
      if (sum === 0n) row[side].delete(wire)
      else row[side].set(wire, sum)
    })
    for (const [index, [a, b, c]] of sides) {
      found.push({ index, a, b, c, wires: new Set([...a.keys(), ...b.keys(), ...c.keys()]) })
    }
  }
  return found
}
