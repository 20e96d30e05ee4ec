// SPDX-License-Identifier: GPL-3.0-or-later
// The same network as a circuit with private weights.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import {
  calibrate,
  compileFolder,
  folderPaths,
  type Graph,
  InferenceProver,
  PROOF_BYTES,
  programCost,
  programScores,
  setupFolder,
} from '../../../keepers/zkml/index.ts'
import { verificationGas } from './chain.ts'

/** Bytes of the four public signals. */
const SIGNAL_BYTES = 4 * 32

export type ProofCost = {
  readonly constraints: number
  readonly keyBytes: number
  /** Seconds of processor, witness included. */
  readonly processor: number
  readonly clock: number
  readonly bytes: number
  readonly gas: number
  /** Labels that the circuit's integers give. */
  readonly labels: readonly number[]
}

/** Quantises, compiles, sets up locally, proves one input twice (the second is measured) and has the deployed verifier check one. */
export async function proveOnce(
  graph: Graph,
  calibration: readonly Float64Array[],
  inputs: readonly Float64Array[],
  progress: (message: string) => void,
): Promise<ProofCost> {
  const { program } = calibrate(graph, calibration, { mode: 'committed' })
  const folder = await mkdtemp(join(tmpdir(), 'cohort-privacy-bench-'))
  try {
    progress('compiling the circuit')
    await compileFolder({ folder, program })
    progress('local set-up')
    await setupFolder(folder)
    const { size } = await stat(folderPaths(folder).zkey)
    const prover = await InferenceProver.open(folder)
    try {
      const request = { input: inputs[0]!, context: 1n, clamp: true }
      await prover.prove(request)
      progress('proving')
      const [before, start] = [process.cpuUsage(), performance.now()]
      await prover.prove(request)
      const { user, system } = process.cpuUsage(before)
      const clock = (performance.now() - start) / 1000
      return {
        ...{ clock, constraints: prover.circuit.folder.manifest.constraints, keyBytes: size },
        processor: (user + system) / 1e6,
        bytes: PROOF_BYTES + SIGNAL_BYTES,
        gas: await verificationGas(prover, inputs[0]!),
        labels: programScores(program, inputs).map(([benign, malignant]) => (malignant! > benign! ? 1 : 0)),
      }
    } finally {
      await prover.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Constraints of a network's circuit, counted without compiling it. */
export function constraintsOf(graph: Graph, calibration: readonly Float64Array[]): number {
  return programCost(calibrate(graph, calibration, { mode: 'committed' }).program).total
}
