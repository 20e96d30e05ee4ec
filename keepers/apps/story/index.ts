// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the story app: made-up news, a reader of it, and proofs of its reading of signed stories.

export { privateStoryCircuit, storyCircuit } from './circuit.ts'
export { LAUNCH_OUTCOMES, type LaunchOutcome } from './headline-frames.ts'
export { CHARACTER_BITS, HEADLINE_LENGTH, headlineBytes, launchHeadlines } from './headlines.ts'
export { headlineSpec, type TrainedReader, trainHeadlineReader } from './model.ts'
export { p256Material, p256Signature } from './p256.ts'
export { PRIVATE_STORY_CIRCUIT, type PrivateStory, provePrivateStory, signPrivateStory } from './private-story.ts'
export { launchNewsReader, savedReader } from './saved.ts'
export {
  encodeStory,
  proveStory,
  readStory,
  STORY_BYTES,
  STORY_CIRCUIT,
  storyCommitment,
  storyDigest,
  storyProgram,
} from './story.ts'
