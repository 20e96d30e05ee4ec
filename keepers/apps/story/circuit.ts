// SPDX-License-Identifier: GPL-3.0-or-later
// The circuits of the reader of stories, with local proving keys: made once and kept.
import { type ReleasedCircuit, type ReleasedCircuitOptions, releasedCircuit } from '../../serving/index.ts'
import { PRIVATE_STORY_CIRCUIT } from './private-story.ts'
import { launchNewsReader } from './saved.ts'
import { STORY_CIRCUIT, storyProgram } from './story.ts'

/** The circuit of public stories, below `cache`: some 25 s to compile and 20 s for the key when it is not there. */
export async function storyCircuit(cache: string, options: ReleasedCircuitOptions = {}): Promise<ReleasedCircuit> {
  return await releasedCircuit(cache, 'story', storyProgram(launchNewsReader()), STORY_CIRCUIT, options)
}

/** The same for stories that nobody is shown. */
export async function privateStoryCircuit(
  cache: string,
  options: ReleasedCircuitOptions = {},
): Promise<ReleasedCircuit> {
  const program = storyProgram(launchNewsReader())
  return await releasedCircuit(cache, 'private-story', program, PRIVATE_STORY_CIRCUIT, options)
}
