// SPDX-License-Identifier: GPL-3.0-or-later
// A program's constraints with lookups, and the program of its witnesses: both straight from the integer program, without
// circom, in the time that circom takes to start.
//
// Wires: 0 is one, then the public signals, the challenge, round 1, round 2. Wires of round 2 depend on the challenge; the prover
// commits to all others before the challenge is drawn.
import { FIELD_BYTES } from '../bn254.ts'
import { checkMagnitudes } from '../circuit/bounds.ts'
import { CircuitError } from '../circuit/errors.ts'
import type { CircuitInputs } from '../circuit/witness.ts'
import type { IntegerProgram } from '../graph/program.ts'
import type { TwoRoundShape } from '../setup/two-round-shape.ts'
import { type Builder, CHALLENGE, PUBLIC_WIRES } from './builder.ts'
import { coefficientOf } from './linear.ts'
import { r1csFile } from './r1cs-file.ts'
import { proveRanges } from './ranges.ts'
import { type DirectOptions, type InputWires, type Statement, writeStatement } from './statement.ts'
import { RANGE_SLACK } from './tables.ts'
import { Values } from './values.ts'

/** A TwoPassWitness that can repeat its second pass for other challenges. */
export type TwoRoundWitness = {
  readonly first: Uint8Array
  finish(challenges: readonly bigint[]): Uint8Array
}

const PUBLIC_SIGNALS = Object.keys(PUBLIC_WIRES).length

/** Turns a builder's content into constraints and witnesses. */
export class WrittenCircuit {
  /** Without a challenge where nothing needs one: the circuit is then of plain Groth16. */
  readonly shape: TwoRoundShape
  readonly constraints: number
  readonly variables: number
  /** Bits of the tables that ranges are looked up in. */
  readonly tables: readonly number[]
  readonly #builder: Builder
  readonly #inputs: InputWires
  /** Builder's wires in the order of the file, from place 1 on. */
  readonly #order: readonly number[]

  constructor({ builder, inputs }: Statement) {
    this.tables = proveRanges(builder).widths
    this.#builder = builder
    this.#inputs = inputs
    const hasChallenge = builder.hasChallenge
    const privates = Array.from({ length: builder.wires - PUBLIC_SIGNALS - 1 }, (_, i) => PUBLIC_SIGNALS + 1 + i)
    const rounds = [1, 2].map((round) => privates.filter((wire) => builder.rounds[wire] === round))
    this.shape = {
      publicSignals: PUBLIC_SIGNALS,
      challenges: hasChallenge ? 1 : 0,
      firstRound: rounds[0]!.length,
    }
    this.#order = [...Object.values(PUBLIC_WIRES), ...(hasChallenge ? [CHALLENGE] : []), ...rounds[0]!, ...rounds[1]!]
    this.constraints = builder.constraints.length
    this.variables = 1 + this.#order.length
  }

  /** Places, in the file, of the wires that a prover's inputs go to. */
  get inputWires(): readonly number[] {
    const place = this.#places()
    return [...this.#inputs.values()].flatMap((wires) => wires.map((wire) => place[wire]!))
  }

  #places(): Int32Array {
    const place = new Int32Array(this.#builder.wires)
    for (const [i, wire] of this.#order.entries()) place[wire] = i + 1
    return place
  }

  /** The constraints as an iden3 r1cs file; the challenge is its last public signal. */
  r1cs(): Uint8Array<ArrayBuffer> {
    return r1csFile({
      variables: this.variables,
      publicSignals: this.shape.publicSignals + this.shape.challenges,
      constraints: this.#builder.constraints,
      place: this.#places(),
    })
  }

  /**
   * @param inputs what witnessInputs gives
   * @throws CircuitError `wrong-input` for a missing, unknown or wrongly sized input; `witness-refused` for values that have no proof
   */
  witness(inputs: CircuitInputs): TwoRoundWitness {
    const builder = this.#builder
    const values = new Values(builder.wires)
    setInputs(values, this.#inputs, inputs)
    for (const step of builder.steps[1]) step(values)
    const { publicSignals, challenges, firstRound } = this.shape
    const encode = (wires: readonly number[], into: Uint8Array, from: number) => {
      const view = new DataView(into.buffer)
      for (const [i, wire] of wires.entries()) values.write(wire, view, FIELD_BYTES * (from + i))
    }
    const before = this.#order.filter((wire, i) => wire !== CHALLENGE && i < publicSignals + challenges + firstRound)
    const first = new Uint8Array(FIELD_BYTES * before.length)
    encode(before, first, 0)
    return {
      first,
      finish: (given) => {
        if (given.length !== challenges)
          throw new CircuitError('wrong-input', `${given.length} challenges, the circuit takes ${challenges}`)
        if (challenges > 0) values.set(CHALLENGE, given[0]!)
        for (const step of builder.steps[2]) step(values)
        const all = new Uint8Array(FIELD_BYTES * this.variables)
        all[0] = 1
        encode(this.#order, all, 1)
        return all
      },
    }
  }
}

export class LookupCircuit extends WrittenCircuit {
  /** @throws CircuitError `unsupported`, or `bound-exceeded` when sums could reach the size of the field. */
  constructor(program: IntegerProgram, options: DirectOptions = {}) {
    checkMagnitudes(program, RANGE_SLACK)
    super(writeStatement(program, options))
  }
}

function setInputs(values: Values, wires: InputWires, inputs: CircuitInputs): void {
  for (const name of Object.keys(inputs))
    if (!wires.has(name)) throw new CircuitError('wrong-input', `the circuit has no input ${name}`)
  for (const [name, places] of wires) {
    const given = inputs[name]
    if (given === undefined) throw new CircuitError('wrong-input', `input ${name} is missing`)
    const list = typeof given === 'bigint' ? [given] : given
    if (list.length !== places.length)
      throw new CircuitError('wrong-input', `input ${name}: ${list.length} values, the circuit takes ${places.length}`)
    for (const [i, wire] of places.entries()) {
      const value = coefficientOf(list[i]!)
      values.set(wire, typeof value === 'bigint' ? list[i]! : value)
    }
  }
}
