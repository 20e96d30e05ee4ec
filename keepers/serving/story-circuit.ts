// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit of the released reader of stories with a local proving key, made once and kept.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { launchNewsReader } from '../learning/index.ts'
import { compileFolder, folderPaths, setupFolder, writeCircuit } from '../zkml/index.ts'
import { STORY_CIRCUIT, storyProgram } from './story.ts'

/**
 * Folder below `cache` with circuit and key (LOCAL set-up: for demonstrations and tests). Made when it is not there: some
 * 25 s to compile and 20 s for the key, both on the processor. Two processes at once are no harm; one of them wins.
 */
export async function storyCircuit(
  cache: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly folder: string; readonly cached: boolean }> {
  const program = storyProgram(launchNewsReader())
  const source = writeCircuit(program, STORY_CIRCUIT)
  const folder = join(cache, `story-${createHash('sha256').update(source).digest('hex').slice(0, 32)}`)
  if (isWhole(folder)) return { folder, cached: true }
  const aside = `${folder}.${randomUUID()}`
  try {
    await compileFolder({ folder: aside, program, options: STORY_CIRCUIT, ...options })
    await setupFolder(aside, options)
    await rename(aside, folder).catch((error: unknown) => {
      if (!isWhole(folder)) throw error
    })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return { folder, cached: false }
}

/** The verification key is written last. */
function isWhole(folder: string): boolean {
  return existsSync(folderPaths(folder).verificationKey)
}
