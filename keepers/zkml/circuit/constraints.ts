// SPDX-License-Identifier: GPL-3.0-or-later
// Checks witnesses against an r1cs, which alone decides what a circuit accepts. Checks whole witnesses, and changes to a valid witness; the
// latter fast, because it looks only at constraints that a change touches.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { parseR1cs, type R1csHeader } from '../setup/r1cs.ts'
import { CircuitError } from './errors.ts'

/** The three linear combinations of A · B = C. */
export const SIDES = ['a', 'b', 'c'] as const
export type Side = (typeof SIDES)[number]

/** A linear combination: wire → coefficient, signed and of least magnitude; wire 0 is the constant one. */
export type Combination = ReadonlyMap<number, bigint>

export class ConstraintSystem {
  readonly header: R1csHeader
  /** Terms of side s of constraint k are entries starts[3k + s] to starts[3k + s + 1] − 1. */
  private readonly starts: Uint32Array
  private readonly wires: Uint32Array
  /** Index into `coefficients`; few values differ. */
  private readonly coefficientOf: Uint32Array
  private readonly coefficients: readonly bigint[]
  /** For each wire, the entries (indices of terms) that name it. */
  private readonly uses: Uint32Array
  private readonly useStarts: Uint32Array
  /** Constraint and side of each entry, as 3k + s. */
  private readonly rows: Uint32Array

  private constructor(header: R1csHeader, starts: Uint32Array, wires: Uint32Array, of: Uint32Array, values: bigint[]) {
    this.header = header
    this.starts = starts
    this.wires = wires
    this.coefficientOf = of
    this.coefficients = values
    this.rows = new Uint32Array(wires.length)
    for (let row = 0; row + 1 < starts.length; row++) this.rows.fill(row, starts[row], starts[row + 1])
    this.useStarts = new Uint32Array(header.variables + 1)
    for (const wire of wires) this.useStarts[wire + 1]!++
    for (let wire = 0; wire < header.variables; wire++) this.useStarts[wire + 1]! += this.useStarts[wire]!
    const next = this.useStarts.slice()
    this.uses = new Uint32Array(wires.length)
    for (let entry = 0; entry < wires.length; entry++) this.uses[next[wires[entry]!]!++] = entry
  }

  /** @throws SetupError `r1cs-malformed` or `r1cs-unsupported`. */
  static parse(file: Uint8Array, name = 'r1cs'): ConstraintSystem {
    const { header, constraints } = parseR1cs(file, name)
    const view = new DataView(constraints.buffer, constraints.byteOffset, constraints.byteLength)
    const rowCount = 3 * header.constraints
    const starts = new Uint32Array(rowCount + 1)
    const count = (constraints.byteLength - 4 * rowCount) / (4 + FIELD_BYTES)
    const wires = new Uint32Array(count)
    const coefficientOf = new Uint32Array(count)
    const known = new Map<bigint, number>()
    const values: bigint[] = []
    let at = 0
    let entry = 0
    for (let row = 0; row < rowCount; row++) {
      const terms = view.getUint32(at, true)
      at += 4
      for (let term = 0; term < terms; term++, entry++, at += 4 + FIELD_BYTES) {
        wires[entry] = view.getUint32(at, true)
        const value = centred(readField(view, at + 4))
        let index = known.get(value)
        if (index === undefined) {
          index = values.push(value) - 1
          known.set(value, index)
        }
        coefficientOf[entry] = index
      }
      starts[row + 1] = entry
    }
    return new ConstraintSystem(header, starts, wires, coefficientOf, values)
  }

  /** Number of terms of all combinations: set-up time and key size grow with it. */
  get terms(): number {
    return this.wires.length
  }

  /** One non-zero term per wire: a file may name a wire several times, or with coefficient 0. */
  combination(constraint: number, side: Side): Combination {
    const row = 3 * constraint + SIDES.indexOf(side)
    const result = new Map<number, bigint>()
    for (let entry = this.starts[row]!; entry < this.starts[row + 1]!; entry++) {
      const [wire, weight] = [this.wires[entry]!, this.coefficients[this.coefficientOf[entry]!]!]
      const total = (result.get(wire) ?? 0n) + weight
      const sum = centred(total < 0n ? total + SCALAR_FIELD : total)
      if (sum === 0n) result.delete(wire)
      else result.set(wire, sum)
    }
    return result
  }

  /** The constraints that name a wire, ascending. */
  constraintsOf(wire: number): number[] {
    const found = new Set<number>()
    for (let use = this.useStarts[wire]!; use < this.useStarts[wire + 1]!; use++) {
      found.add(Math.floor(this.rows[this.uses[use]!]! / 3))
    }
    return [...found].sort((a, b) => a - b)
  }

  /** The value of each combination, row 3k + s, not reduced. */
  evaluate(witness: readonly bigint[]): bigint[] {
    return Array.from({ length: this.starts.length - 1 }, (_, row) => {
      let sum = 0n
      for (let entry = this.starts[row]!; entry < this.starts[row + 1]!; entry++) {
        sum += this.coefficients[this.coefficientOf[entry]!]! * witness[this.wires[entry]!]!
      }
      return sum
    })
  }

  /**
   * The first constraint that does not hold, or null when all do.
   * @throws CircuitError `wrong-input` for a witness of another length, or with a constant other than 1.
   */
  firstViolation(witness: readonly bigint[]): number | null {
    this.requireWitness(witness)
    const values = this.evaluate(witness)
    for (let k = 0; k < this.header.constraints; k++) {
      if (!holds(values[3 * k]!, values[3 * k + 1]!, values[3 * k + 2]!)) return k
    }
    return null
  }

  /** A probe for changes to `witness`, which has to hold. @throws CircuitError `witness-refused` when it does not. */
  probe(witness: readonly bigint[]): WitnessProbe {
    const violated = this.firstViolation(witness)
    if (violated !== null) {
      throw new CircuitError('witness-refused', `constraint ${violated} does not hold for the witness to start from`)
    }
    return new WitnessProbe(this, witness, this.evaluate(witness))
  }

  /** Adds to `deltas` (row → change) what changing `wire` by `difference` does. */
  addChange(wire: number, difference: bigint, deltas: Map<number, bigint>): void {
    for (let use = this.useStarts[wire]!; use < this.useStarts[wire + 1]!; use++) {
      const entry = this.uses[use]!
      const row = this.rows[entry]!
      deltas.set(row, (deltas.get(row) ?? 0n) + this.coefficients[this.coefficientOf[entry]!]! * difference)
    }
  }

  private requireWitness(witness: readonly bigint[]): void {
    if (witness.length !== this.header.variables) {
      throw new CircuitError(
        'wrong-input',
        `the witness has ${witness.length} values, the r1cs ${this.header.variables}`,
      )
    }
    if (witness[0] !== 1n) throw new CircuitError('wrong-input', `the witness begins with ${witness[0]}, must be 1`)
  }
}

/** Asks of a witness that holds: which constraint would refuse it if these signals had other values? */
export class WitnessProbe {
  private readonly system: ConstraintSystem
  readonly witness: readonly bigint[]
  private readonly values: readonly bigint[]

  constructor(system: ConstraintSystem, witness: readonly bigint[], values: readonly bigint[]) {
    this.system = system
    this.witness = witness
    this.values = values
  }

  /** A violated constraint, or null when the changed witness is accepted. */
  violation(changes: ReadonlyMap<number, bigint>): number | null {
    const deltas = new Map<number, bigint>()
    for (const [wire, value] of changes) this.system.addChange(wire, value - this.witness[wire]!, deltas)
    const touched = new Set<number>()
    for (const row of deltas.keys()) touched.add(Math.floor(row / 3))
    for (const k of touched) {
      const at = (side: number) => this.values[3 * k + side]! + (deltas.get(3 * k + side) ?? 0n)
      if (!holds(at(0), at(1), at(2))) return k
    }
    return null
  }
}

/**
 * Field elements of 32 bytes, little endian, as WitnessProgram gives them.
 * @throws CircuitError `malformed-file` for another length, or for a value ≥ r (which would be an alias of a smaller one).
 */
export function decodeWitness(bytes: Uint8Array): bigint[] {
  if (bytes.byteLength % FIELD_BYTES !== 0) {
    throw new CircuitError(
      'malformed-file',
      `a witness of ${bytes.byteLength} bytes is not a multiple of ${FIELD_BYTES}`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / FIELD_BYTES }, (_, index) => {
    const value = readField(view, index * FIELD_BYTES)
    if (value >= SCALAR_FIELD) throw new CircuitError('malformed-file', `witness value ${index} is not below r`)
    return value
  })
}

function holds(a: bigint, b: bigint, c: bigint): boolean {
  return (a * b - c) % SCALAR_FIELD === 0n
}

function readField(view: DataView, at: number): bigint {
  const low = view.getBigUint64(at, true) | (view.getBigUint64(at + 8, true) << 64n)
  const high = view.getBigUint64(at + 16, true) | (view.getBigUint64(at + 24, true) << 64n)
  return low | (high << 128n)
}

/** The representative of least magnitude. */
export function centred(value: bigint): bigint {
  return value > SCALAR_FIELD >> 1n ? value - SCALAR_FIELD : value
}
