// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit of the demo's model: compiled and set up once for an architecture, then kept in .cache, since it proves
// every version of the model. As a program (`node circuit.ts <model> <folder>`) it is the process that does the work.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { provableModel } from '../../keepers/agent/index.ts'
import { initialWeights, isModelName, type ModelName, modelSpec } from '../../keepers/learning/index.ts'
import { compileFolder, folderPaths, setupFolder, writeCircuit } from '../../keepers/zkml/index.ts'
import { CACHE } from '../bootstrap/paths.mjs'
import type { Processes } from './processes.ts'

/** Public signals of an answer: label in the clear, input and weights behind commitments. */
const OPTIONS = { input: 'committed', output: 'public' } as const

/**
 * Folder with the model's circuit and a local proving key. Made in a process of its own, so that it can go on beside the
 * rounds; taken from the cache when the very same circuit was made before.
 */
export async function prepareCircuit(
  processes: Processes,
  model: ModelName,
): Promise<{ folder: string; cached: boolean }> {
  const source = writeCircuit(anyVersion(model), OPTIONS)
  const folder = join(CACHE, 'demo-circuits', createHash('sha256').update(source).digest('hex').slice(0, 32))
  if (existsSync(folderPaths(folder).verificationKey)) return { folder, cached: true }
  const half = `${folder}.half`
  await rm(half, { recursive: true, force: true })
  await new Promise<void>((resolve, reject) => {
    const child = processes.start('circuit', [import.meta.filename, model, half], {
      onFailure: (message) => reject(new Error(message)),
    })
    child.on('close', (code) => {
      if (code === 0) resolve()
    })
  })
  await rm(folder, { recursive: true, force: true })
  await rename(half, folder)
  return { folder, cached: false }
}

/** Weights are witness: those of any version give the circuit of all. */
function anyVersion(model: ModelName) {
  return provableModel(model, initialWeights(modelSpec(model), 1)).program
}

async function make(model: string, folder: string): Promise<void> {
  if (!isModelName(model)) throw new Error(`no model '${model}'`)
  await compileFolder({ folder, program: anyVersion(model), options: OPTIONS, modelSalt: 0n })
  await setupFolder(folder)
}

if (process.argv[1] === import.meta.filename) await make(process.argv[2] ?? '', process.argv[3] ?? '')
