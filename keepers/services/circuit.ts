// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit that proves every version of a service's model.
import { initialWeights } from '../learning/index.ts'
import { openManifest, provableModel, type ServiceManifest, VersionError } from '../versions/index.ts'
import {
  type CircuitFolder,
  type CircuitOptions,
  compileFolder,
  type IntegerProgram,
  type OutputSpec,
  type ProofSystem,
  planToJson,
} from '../zkml/index.ts'

/** Public signals of an answer: label in the clear, input and weights behind commitments. */
export const SERVICE_CIRCUIT = { input: 'committed', output: 'public' } as const satisfies CircuitOptions

/** The program of any version. Weights are part of the witness, so the weights before the first round give the circuit of all versions. */
export async function anyVersion(manifest: ServiceManifest, output?: OutputSpec): Promise<IntegerProgram> {
  const model = await openManifest(manifest)
  return provableModel(model, initialWeights(model.spec, manifest.model.initialSeed), output).program
}

/**
 * What a proof of a service shows, by name: `label` or `margin` for classes, `value` for an amount, the label's name for one of several labels.
 * @throws VersionError BAD_MANIFEST naming the possible values
 */
export function outputNamed({ task }: ServiceManifest, name: string): OutputSpec {
  const known = task.kind === 'labels' ? task.labels : task.kind === 'regression' ? ['value'] : ['label', 'margin']
  if (!known.includes(name)) {
    throw new VersionError('BAD_MANIFEST', `--output is '${name}': a ${task.kind} shows ${known.join(', ')}`)
  }
  if (task.kind === 'labels') return { kind: 'score', index: known.indexOf(name), threshold: 0 }
  return { kind: name as 'label' | 'margin' | 'value' }
}

/**
 * Compiles the circuit into a folder, without a key; by default in plain Groth16.
 * @throws VersionError BAD_MANIFEST, CircuitError `unsupported` when lookups cannot serve it, the signal's reason
 */
export async function serviceCircuit(
  manifest: ServiceManifest,
  folder: string,
  options: { readonly output?: OutputSpec; readonly system?: ProofSystem; readonly signal?: AbortSignal } = {},
): Promise<CircuitFolder> {
  const { output, system, signal } = options
  return await compileFolder({
    folder,
    program: await anyVersion(manifest, output),
    plan: planToJson(output === undefined ? manifest.plan : { ...manifest.plan, output }),
    options: SERVICE_CIRCUIT,
    // The prover of a version inserts its weights and their salt.
    modelSalt: 0n,
    ...(system === undefined ? {} : { system }),
    ...(signal === undefined ? {} : { signal }),
  })
}
