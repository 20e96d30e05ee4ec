// SPDX-License-Identifier: GPL-3.0-or-later
// The weights before a service's first round: drawn from the manifest's seed, or read from a file that it names by CID.
import { initialWeights, LearningError, type ModelSpec } from '../learning/index.ts'
import { blobCid, MAX_BLOB_BYTES } from '../network/index.ts'
import { CompileError } from '../zkml/index.ts'
import { VersionError } from './errors.ts'
import type { ServiceManifest } from './manifest.ts'
import { weightsOfOnnx } from './onnx-weights.ts'

/** Longest file that is fetched or read. */
export const MAX_START_BYTES = MAX_BLOB_BYTES

/** The facts about a file of weights that go into a manifest. */
export async function startOf(bytes: Uint8Array): Promise<NonNullable<ServiceManifest['model']['weights']>> {
  return { format: 'onnx', cid: await blobCid(bytes) }
}

/**
 * Weights before the first round, in the order of the architecture's parameters.
 * @param file the bytes that `model.weights.cid` names, or null where the manifest names none
 * @throws VersionError WRONG_START if it is a different file, or one of another architecture
 */
export async function firstWeights(
  { model, input, task }: Pick<ServiceManifest, 'model' | 'input' | 'task'>,
  spec: ModelSpec,
  file: Uint8Array | null,
): Promise<Float32Array<ArrayBuffer>> {
  const { weights: named, initialSeed } = model
  if (named === undefined) return initialWeights(spec, initialSeed)
  const wrong = (what: string, cause?: unknown): never => {
    throw new VersionError('WRONG_START', `model.weights: ${what}`, { cause })
  }
  if (file === null) return wrong(`${named.cid} is needed, and there is no file of it`)
  await checkStart(model, file)
  try {
    const { weights, specHash } = weightsOfOnnx(file, named.cid, { input, task })
    if (specHash !== model.specHash) {
      wrong(`the file's architecture hashes to ${specHash}, model.specHash is ${model.specHash}`)
    }
    return weights
  } catch (cause) {
    if (!(cause instanceof LearningError || cause instanceof CompileError)) throw cause
    return wrong(cause.message.split('\n')[0]!, cause)
  }
}

/** @throws VersionError WRONG_START unless the bytes have the CID that the manifest names */
export async function checkStart({ weights }: ServiceManifest['model'], bytes: Uint8Array): Promise<void> {
  const found = bytes.length > MAX_START_BYTES ? `more than ${MAX_START_BYTES} bytes` : await blobCid(bytes)
  if (weights === undefined || weights.cid === found) return
  throw new VersionError(
    'WRONG_START',
    `the file of weights is ${found}, the manifest names ${weights.cid}: leave it out, and keepers send theirs`,
  )
}
