// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the circuits of the reader of stories with local proving keys once, and keeps them.
import { type ReleasedCircuit, type ReleasedCircuitOptions, releasedCircuit } from '../../serving/index.ts'
import { PRIVATE_STORY_CIRCUIT } from './private-story.ts'
import { launchNewsReader } from './saved.ts'
import { STORY_CIRCUIT, storyProgram } from './story.ts'

/** The circuit of public stories, below `cache`. If it is missing, compiling takes some 25 s and the key 20 s. */
export async function storyCircuit(cache: string, options: ReleasedCircuitOptions = {}): Promise<ReleasedCircuit> {
  return await releasedCircuit(cache, 'story', storyProgram(launchNewsReader()), STORY_CIRCUIT, options)
}

/** The same for private stories. */
export async function privateStoryCircuit(
  cache: string,
  options: ReleasedCircuitOptions = {},
): Promise<ReleasedCircuit> {
  const program = storyProgram(launchNewsReader())
  return await releasedCircuit(cache, 'private-story', program, PRIVATE_STORY_CIRCUIT, options)
}
