// SPDX-License-Identifier: GPL-3.0-or-later
// The circuit of a released network with a local proving key, made once and kept.
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { launchNewsReader, spendModel } from '../learning/index.ts'
import {
  type CircuitOptions,
  circuitKey,
  compileFolder,
  folderPaths,
  type IntegerProgram,
  setupFolder,
  writeCircuit,
} from '../zkml/index.ts'
import { PRIVATE_STORY_CIRCUIT } from './private-story.ts'
import { SPEND_CIRCUIT, spendProgram } from './spend.ts'
import { STORY_CIRCUIT, storyProgram } from './story.ts'

export type ReleasedCircuit = {
  /** With circuit and key. */
  readonly folder: string
  /** Whether it was there already. */
  readonly cached: boolean
}

type Options = { readonly signal?: AbortSignal }

/** That of the reader of stories, below `cache`: some 25 s to compile and 20 s for the key when it is not there. */
export async function storyCircuit(cache: string, options: Options = {}): Promise<ReleasedCircuit> {
  return await releasedCircuit(cache, 'story', storyProgram(launchNewsReader()), STORY_CIRCUIT, options)
}

/** The same for stories that nobody is shown. */
export async function privateStoryCircuit(cache: string, options: Options = {}): Promise<ReleasedCircuit> {
  const program = storyProgram(launchNewsReader())
  return await releasedCircuit(cache, 'private-story', program, PRIVATE_STORY_CIRCUIT, options)
}

/** That of the judge of spends, below `cache`: some seconds each when it is not there. */
export async function spendCircuit(cache: string, options: Options = {}): Promise<ReleasedCircuit> {
  return await releasedCircuit(cache, 'spend', spendProgram(spendModel()), SPEND_CIRCUIT, options)
}

/** LOCAL set-up: for demonstrations and tests. Two processes at once are no harm; one of them wins. */
async function releasedCircuit(
  cache: string,
  name: string,
  program: IntegerProgram,
  shown: CircuitOptions,
  options: Options,
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

/** The verification key is written last. */
function isWhole(folder: string): boolean {
  return existsSync(folderPaths(folder).verificationKey)
}
