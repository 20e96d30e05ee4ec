// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the circuit of a released network with a local proving key once, and keeps it.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CircuitOptions,
  circuitKey,
  compileFolder,
  folderPaths,
  type IntegerProgram,
  setupFolder,
  writeCircuit,
} from '../zkml/index.ts'

export type ReleasedCircuit = {
  /** Folder with circuit and key. */
  readonly folder: string
  /** Whether the folder existed before. */
  readonly cached: boolean
}

export type ReleasedCircuitOptions = { readonly signal?: AbortSignal }

/**
 * The circuit folder of a program below `cache`, compiled and set up when it is not there yet. The set-up is LOCAL: for
 * demonstrations and tests. Two processes may do this at once; one of them wins.
 * @param name starts the folder's name; the rest is the circuit's own key
 */
export async function releasedCircuit(
  cache: string,
  name: string,
  program: IntegerProgram,
  shown: CircuitOptions,
  options: ReleasedCircuitOptions = {},
): Promise<ReleasedCircuit> {
  const key = await circuitKey(writeCircuit(program, shown))
  const folder = join(cache, `${name}-${key.slice(0, 32)}`)
  if (isWhole(folder)) return { folder, cached: true }
  const aside = `${folder}.${randomUUID()}`
  try {
    await compileFolder({ folder: aside, program, options: shown, ...options })
    await setupFolder(aside, options)
    await rename(aside, folder).catch((error: unknown) => {
      if (!isWhole(folder)) throw error
    })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return { folder, cached: false }
}

/** Whether a folder is complete. The verification key is written last. */
function isWhole(folder: string): boolean {
  return existsSync(folderPaths(folder).verificationKey)
}
