// SPDX-License-Identifier: GPL-3.0-or-later
// How the wires of a circuit for two-round Groth16 (MIRAGE, ePrint 2020/278) are divided. 0 is the constant one; then come public
// signals, challenges, the wires that the first round commits to, and the second round's wires, which depend on a challenge.
import { SetupError } from './errors.ts'
import type { R1csHeader } from './r1cs.ts'

/** Numbers of wires; the remaining wires belong to the second round. An r1cs counts challenges as public inputs. */
export type TwoRoundShape = {
  readonly publicSignals: number
  /** 1 or 2. */
  readonly challenges: number
  readonly firstRound: number
}

export const MAX_CHALLENGES = 2

/** Where each kind of wire begins. */
export type WireBorders = {
  readonly challenges: number
  readonly firstRound: number
  readonly secondRound: number
}

export function bordersOf({ publicSignals, challenges, firstRound }: TwoRoundShape): WireBorders {
  const first = 1 + publicSignals + challenges
  return { challenges: 1 + publicSignals, firstRound: first, secondRound: first + firstRound }
}

/** A readable name for a wire of a circuit in two rounds. */
export function wireName(shape: TwoRoundShape, wire: number): string {
  const borders = bordersOf(shape)
  if (wire === 0) return 'the constant one'
  if (wire < borders.challenges) return `public signal ${wire - 1} (wire ${wire})`
  if (wire < borders.firstRound) return `challenge ${wire - borders.challenges} (wire ${wire})`
  if (wire < borders.secondRound) return `wire ${wire} of the first round`
  return `wire ${wire} of the second round`
}

/** The error in a shape for a circuit with this many variables; null for a valid one. */
export function shapeFault(shape: TwoRoundShape, variables: number): string | null {
  const { publicSignals, challenges, firstRound } = shape
  for (const [name, value] of Object.entries({ publicSignals, challenges, firstRound })) {
    if (!Number.isSafeInteger(value) || value < 0) return `${name} is ${value}, not a count`
  }
  if (publicSignals < 1) return 'there is no public signal; a proof would be about nothing'
  if (challenges < 1 || challenges > MAX_CHALLENGES) return `${challenges} challenges, must be 1 or ${MAX_CHALLENGES}`
  if (firstRound < 1) return 'the first round commits to no wire, so that a challenge protects nothing'
  const { secondRound } = bordersOf(shape)
  if (secondRound > variables) return `the shape names ${secondRound} wires, the circuit has ${variables}`
  return null
}

/** Throws SetupError `r1cs-unsupported` when the shape is impossible or belongs to another circuit. */
export function requireShape(shape: TwoRoundShape, header: R1csHeader, name = 'r1cs'): void {
  const fail = (what: string) => new SetupError('r1cs-unsupported', `${name}: ${what}; write the circuit again`)
  const fault = shapeFault(shape, header.variables)
  if (fault !== null) throw fail(fault)
  const { publicSignals, challenges } = shape
  if (publicSignals + challenges !== header.publicSignals) {
    throw fail(
      `${header.publicSignals} public wires, the shape has ${publicSignals} signals and ${challenges} challenges`,
    )
  }
}
