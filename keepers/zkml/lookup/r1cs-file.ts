// SPDX-License-Identifier: GPL-3.0-or-later
// A writer of the iden3 r1cs format, version 1 (../setup/r1cs.ts reads it).
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import type { Constraint } from './builder.ts'
import type { Coefficient, Linear } from './linear.ts'

const MAGIC = 0x73633172 // "r1cs", little endian
const VERSION = 1
const HEADER_SECTION = 1
const CONSTRAINTS_SECTION = 2
const LABELS_SECTION = 3
const TERM_BYTES = 4 + FIELD_BYTES
const HEADER_BYTES = 4 + FIELD_BYTES + 16 + 8 + 4
const SECTION_BYTES = 12

export type R1csContent = {
  readonly variables: number
  readonly publicSignals: number
  readonly constraints: readonly Constraint[]
  /** The place of a builder's wire in the file, 1 or more; 0 is the constant one. */
  readonly place: Int32Array
}

export function r1csFile({ variables, publicSignals, constraints, place }: R1csContent): Uint8Array<ArrayBuffer> {
  let terms = 0
  for (const { a, b, c } of constraints) for (const side of [a, b, c]) terms += termsOf(side)
  const constraintBytes = 12 * constraints.length + TERM_BYTES * terms
  const file = new Uint8Array(12 + 3 * SECTION_BYTES + HEADER_BYTES + constraintBytes + 8 * variables)
  const view = new DataView(file.buffer)
  let at = 0
  const word = (value: number) => {
    view.setUint32(at, value, true)
    at += 4
  }
  const long = (value: number) => {
    view.setBigUint64(at, BigInt(value), true)
    at += 8
  }
  const section = (type: number, bytes: number) => {
    word(type)
    long(bytes)
  }
  const element = (value: Coefficient) => {
    if (typeof value === 'number' && value >= 0 && value < 2 ** 32) view.setUint32(at, value, true)
    else writeField(view, at, value)
    at += FIELD_BYTES
  }
  word(MAGIC)
  word(VERSION)
  word(3)
  section(HEADER_SECTION, HEADER_BYTES)
  word(FIELD_BYTES)
  for (let k = 0; k < 4; k++) view.setBigUint64(at + 8 * k, BigInt.asUintN(64, SCALAR_FIELD >> BigInt(64 * k)), true)
  at += FIELD_BYTES
  for (const value of [variables, 0, publicSignals, variables - 1 - publicSignals]) word(value)
  long(variables)
  word(constraints.length)
  section(CONSTRAINTS_SECTION, constraintBytes)
  for (const { a, b, c } of constraints) {
    for (const side of [a, b, c]) {
      word(termsOf(side))
      if (side.constant !== 0) {
        word(0)
        element(side.constant)
      }
      const order = side.wires.map((wire, i) => [place[wire]!, i] as const).sort((x, y) => x[0] - y[0])
      for (const [wire, i] of order) {
        word(wire)
        element(side.coefficients[i]!)
      }
    }
  }
  section(LABELS_SECTION, 8 * variables)
  for (let wire = 0; wire < variables; wire++) long(wire)
  return file
}

function termsOf({ wires, constant }: Linear): number {
  return wires.length + (constant === 0 ? 0 : 1)
}

function writeField(view: DataView, at: number, value: Coefficient): void {
  const element = value < 0 ? SCALAR_FIELD + BigInt(value) : BigInt(value)
  for (let k = 0; k < 4; k++) view.setBigUint64(at + 8 * k, BigInt.asUintN(64, element >> BigInt(64 * k)), true)
}
