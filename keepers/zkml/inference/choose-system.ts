// SPDX-License-Identifier: GPL-3.0-or-later
// Which proof system serves a program better, by the counted size of its circuit in each and by measured times.
import { CircuitError, type CircuitOptions } from '../circuit/index.ts'
import type { IntegerProgram } from '../graph/program.ts'
import { domainOf, lookupCost } from '../lookup/cost.ts'
import { programCost } from '../quantise/cost.ts'
import type { ProofSystem } from './systems.ts'

type CircuitSize = {
  readonly constraints: number
  /** log2 of the domain that a prover computes over. */
  readonly power: number
  /** Processor time of a proof, witness included, by the measured times of both systems. */
  readonly seconds: number
}

export type SystemChoice = {
  readonly system: ProofSystem
  /** A sentence for whoever asks why. */
  readonly reason: string
  readonly plain: CircuitSize
  /** Null where lookups cannot serve the circuit. */
  readonly lookup: CircuitSize | null
}

const PLAIN_SIGNALS = 4

/**
 * Processor time of a proof, witness included, is close to FIXED + share · 2^power, measured on five circuits of each system with
 * 2^10 to 2^15 rows: 13 µs a row in plain Groth16, 20 µs with lookups, whose inverses are full-size numbers. So lookups pay where they halve
 * the domain.
 */
const FIXED_MS = 45
const ROW_MS = { groth16: 0.013, 'groth16-lookup': 0.02 } as const
/** Lookups must save at least this share of the time: their proofs cost a fifth more gas. */
const LEAST_SAVING = 0.15
/** Up to this domain a proof takes little more than a tenth of a second either way, and gas counts more. */
const SMALL_POWER = 12

/** How a circuit shows its input and output: lookups cannot do all of it. */
type Asked = Pick<CircuitOptions, 'input' | 'output'>

/** The system that proves a program at less cost; plain Groth16 if lookups do not support the request. */
export function chooseSystem(program: IntegerProgram, asked: Asked = {}): SystemChoice {
  const { input = 'committed', output = 'public' } = asked
  const constraints = programCost(program, { input, output }).total
  const plain = sized('groth16', constraints, domainOf(constraints, PLAIN_SIGNALS))
  const stay = (reason: string, lookup: CircuitSize | null = null): SystemChoice => ({
    system: 'groth16',
    reason,
    plain,
    lookup,
  })
  const cost = lookupSize(program, asked)
  if (typeof cost === 'string') return stay(cost)
  if (cost === null) return stay('the circuit is too small for tables to save anything')
  const [now, then] = [sizeText(plain), sizeText(cost)]
  if (plain.power <= SMALL_POWER)
    return stay(`${now} are few, and plain proofs cost less gas (with lookups: ${then})`, cost)
  const [slow, fast] = [plain.seconds, cost.seconds]
  if (fast > (1 - LEAST_SAVING) * slow) return stay(`lookups would save too little: ${then} instead of ${now}`, cost)
  const saving = Math.round(100 * (1 - fast / slow))
  return {
    system: 'groth16-lookup',
    reason: `${then} instead of ${now}: about ${saving} % less time for each proof`,
    plain,
    lookup: cost,
  }
}

/** Null if the circuit would use no table; a reason if it cannot be written. */
function lookupSize(program: IntegerProgram, { input, output }: Asked): CircuitSize | string | null {
  try {
    const { constraints, power, challenges } = lookupCost(program, {
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
    })
    return challenges === 0 ? null : sized('groth16-lookup', constraints, power)
  } catch (error) {
    if (error instanceof CircuitError && error.code === 'unsupported') return error.message
    throw error
  }
}

function sized(system: ProofSystem, constraints: number, power: number): CircuitSize {
  return { constraints, power, seconds: proofSeconds(system, power) }
}

/** Processor time of a proof, witness included and key loaded, over a domain of 2^power. */
export function proofSeconds(system: ProofSystem, power: number): number {
  return (FIXED_MS + ROW_MS[system] * 2 ** power) / 1000
}

function sizeText({ constraints, power }: CircuitSize): string {
  return `${constraints.toLocaleString('en-US')} constraints on a domain of 2^${power}`
}
