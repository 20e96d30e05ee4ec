// SPDX-License-Identifier: GPL-3.0-or-later
// Writes iden3's r1cs from linear combinations, for circuits of tests that are a few dozen constraints long.
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'

/** wire → coefficient, of either sign. */
export type Terms = Readonly<Record<number, bigint | number>>
export type Constraint = readonly [a: Terms, b: Terms, c: Terms]

/** The file for wires 0 (one), public ones, and the rest. */
export function writeR1cs(variables: number, publicWires: number, constraints: readonly Constraint[]): Uint8Array {
  const header = [
    ...word(32),
    ...fieldToBytes(SCALAR_FIELD),
    ...word(variables),
    ...word(0),
    ...word(publicWires),
    ...word(variables - publicWires - 1),
    ...word(variables),
    ...word(0),
    ...word(constraints.length),
  ]
  const body = constraints.flatMap((sides) => sides.flatMap(combination))
  return new Uint8Array([
    ...[...'r1cs'].map((letter) => letter.charCodeAt(0)),
    ...word(1),
    ...word(2),
    ...section(1, header),
    ...section(2, body),
  ])
}

function combination(terms: Terms): number[] {
  const entries = Object.entries(terms)
  return [
    ...word(entries.length),
    ...entries.flatMap(([wire, value]) => [...word(Number(wire)), ...fieldToBytes(reduce(BigInt(value)))]),
  ]
}

function section(id: number, content: readonly number[]): number[] {
  return [...word(id), ...word(content.length), ...word(0), ...content]
}

function word(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 255)
}

export function reduce(value: bigint): bigint {
  const rest = value % SCALAR_FIELD
  return rest < 0n ? rest + SCALAR_FIELD : rest
}
