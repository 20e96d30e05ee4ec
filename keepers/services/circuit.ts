// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit that proves every version of a service's model.
import { initialWeights } from '../learning/index.ts'
import { openManifest, provableModel, type ServiceManifest } from '../versions/index.ts'
import {
  type CircuitFolder,
  type CircuitOptions,
  compileFolder,
  type IntegerProgram,
  planToJson,
} from '../zkml/index.ts'

/** Public signals of an answer: label in the clear, input and weights behind commitments. */
export const SERVICE_CIRCUIT = { input: 'committed', output: 'public' } as const satisfies CircuitOptions

/** The program of any version: weights are witness, so those before the first round give the circuit of all. */
export async function anyVersion(manifest: ServiceManifest): Promise<IntegerProgram> {
  const model = await openManifest(manifest)
  return provableModel(model, initialWeights(model.spec, manifest.model.initialSeed)).program
}

/** Compiles it into a folder, without a key. @throws VersionError BAD_MANIFEST, the signal's reason */
export async function serviceCircuit(
  manifest: ServiceManifest,
  folder: string,
  signal?: AbortSignal,
): Promise<CircuitFolder> {
  return await compileFolder({
    folder,
    program: await anyVersion(manifest),
    plan: planToJson(manifest.plan),
    options: SERVICE_CIRCUIT,
    // The prover of a version inserts its weights and their salt.
    modelSalt: 0n,
    ...(signal === undefined ? {} : { signal }),
  })
}
