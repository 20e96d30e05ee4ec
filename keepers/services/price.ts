// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a proof of a service's model in each proof system, estimated without compiling a circuit.
import {
  chooseSystem,
  domainOf,
  type IntegerProgram,
  type ProofSystem,
  programCost,
  proofSeconds,
} from '../zkml/index.ts'
import { SERVICE_CIRCUIT } from './circuit.ts'

/** Constraints of the circuit, CPU seconds of a proof (with the witness, and with the key loaded), gas of an inference recorded at the hub. */
export type ProofCost = { readonly constraints: number; readonly seconds: number; readonly gas: number }

/** The cost in plain Groth16, the default for a service's circuit, and with lookups; `lookup` is null for a model that lookups cannot serve. */
export type Price = ProofCost & {
  readonly lookup: ProofCost | null
  /** The better proof system for it; below, why. */
  readonly system: ProofSystem
  readonly reason: string
}

/** Gas of an inference verified and recorded at the hub (snapshots/inference.json): four public signals, whatever the circuit. */
const INFERENCE_GAS = 296_238
/**
 * Additional gas to verify with one challenge, compared with plain Groth16: 284,744 instead of 237,618, as whole transactions
 * (docs/zkml-lookups.md).
 */
const LOOKUP_GAS = 47_126

/** Most constraints for which lookups are priced. A circuit with lookups is counted by writing it, in memory; plain Groth16 by formulas. */
const MOST_WRITTEN = 2 ** 21
const PUBLIC_SIGNALS = 4

/** The price of a program: constraints as compiled, and times as measured for proofs of that domain size. */
export function priceOf(program: IntegerProgram): Price {
  const { total } = programCost(program, SERVICE_CIRCUIT)
  if (total > MOST_WRITTEN) {
    const seconds = proofSeconds('groth16', domainOf(total, PUBLIC_SIGNALS))
    const reason = `of more than ${MOST_WRITTEN.toLocaleString('en-US')} constraints, those with lookups are not counted`
    return { ...{ constraints: total, seconds, gas: INFERENCE_GAS, system: 'groth16', reason }, lookup: null }
  }
  const { system, reason, plain, lookup } = chooseSystem(program, SERVICE_CIRCUIT)
  const { constraints, seconds } = plain
  return {
    ...{ constraints, seconds, gas: INFERENCE_GAS, system, reason },
    lookup:
      lookup === null
        ? null
        : { constraints: lookup.constraints, seconds: lookup.seconds, gas: INFERENCE_GAS + LOOKUP_GAS },
  }
}
