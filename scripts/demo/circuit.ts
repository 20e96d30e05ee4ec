// SPDX-License-Identifier: GPL-3.0-or-later
// The demo's circuits, compiled and set up once and then kept in .cache: one for the keepers' model, which proves every version of
// it, one for the reader of headlines, and one for the judge of spends. As a program (`node circuit.ts <manifest> <folder>`, `node circuit.ts
// reader` or `… spend`) it is the process that does the work.
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spendCircuit } from '../../keepers/apps/spending/index.ts'
import { storyCircuit } from '../../keepers/apps/story/index.ts'
import { anyVersion, SERVICE_CIRCUIT, serviceCircuit } from '../../keepers/services/index.ts'
import { readManifestFile, type ServiceManifest } from '../../keepers/versions/index.ts'
import { circuitKey, setupFolder, writeCircuit } from '../../keepers/zkml/index.ts'
import { CACHE } from '../bootstrap/paths.mjs'
import type { Processes } from './processes.ts'

export type PreparedCircuit = { readonly folder: string; readonly cached: boolean }

/** The reader's circuits are kept where its tests keep them. */
const READER_CACHE = join(CACHE, 'story')
const SPEND_CACHE = join(CACHE, 'spend')

/** Records the sources of a kept circuit. */
const KEY_FILE = 'made-of'

/**
 * Folders with the circuits of the keepers' model and of the reader, and local proving keys. Made in processes of their
 * own, one after the other, so that it can go on beside the rounds; taken from the cache when they were made before.
 */
export async function prepareCircuits(
  processes: Processes,
  manifest: { readonly file: string; readonly content: ServiceManifest },
): Promise<{ readonly model: PreparedCircuit; readonly reader: PreparedCircuit }> {
  const model = await prepareModel(processes, manifest)
  await run(processes, 'circuit-reader', ['reader'])
  return { model, reader: await storyCircuit(READER_CACHE) }
}

/** The judge of spends, in the same way. */
export async function prepareGuardCircuit(processes: Processes): Promise<PreparedCircuit> {
  await run(processes, 'circuit-spend', ['spend'])
  return await spendCircuit(SPEND_CACHE)
}

async function prepareModel(
  processes: Processes,
  { file, content }: { readonly file: string; readonly content: ServiceManifest },
): Promise<PreparedCircuit> {
  const folder = join(CACHE, 'demo-circuits', content.name)
  const key = await circuitKey(writeCircuit(await anyVersion(content), SERVICE_CIRCUIT))
  if ((await readFile(join(folder, KEY_FILE), 'utf8').catch(() => '')) === key) return { folder, cached: true }
  const half = `${folder}.half`
  await rm(half, { recursive: true, force: true })
  await run(processes, 'circuit-model', [file, half])
  await writeFile(join(half, KEY_FILE), key)
  await rm(folder, { recursive: true, force: true })
  await rename(half, folder)
  return { folder, cached: false }
}

async function run(processes: Processes, name: string, args: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = processes.start(name, [import.meta.filename, ...args], {
      onFailure: (message) => reject(new Error(message)),
    })
    child.on('close', (code) => {
      if (code === 0) resolve()
    })
  })
}

async function make(what: string, folder: string): Promise<void> {
  if (what === 'reader') {
    await storyCircuit(READER_CACHE)
    return
  }
  if (what === 'spend') {
    await spendCircuit(SPEND_CACHE)
    return
  }
  await serviceCircuit(readManifestFile(what), folder)
  await setupFolder(folder)
}

if (process.argv[1] === import.meta.filename) await make(process.argv[2] ?? '', process.argv[3] ?? '')
