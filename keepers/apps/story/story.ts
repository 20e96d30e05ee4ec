// SPDX-License-Identifier: GPL-3.0-or-later
// A story: a publisher signs it, a network reads it, and a prediction market pays on it. 119 bytes: the tag that the market gives
// it (IPredictionMarket.tagOf) and a headline. The publisher signs SHA-256 of all of it, with any tool.
import { createHash } from 'node:crypto'
import type { Model } from '../../learning/index.ts'
import {
  BYTE_CIRCUIT,
  byteProgram,
  proveBytes,
  type Reading,
  readBytes,
  ServingError,
  TAG_BYTES,
} from '../../serving/index.ts'
import {
  commitBytes,
  type InferenceProof,
  type InferenceProver,
  type IntegerProgram,
  type ProveOptions,
} from '../../zkml/index.ts'
import { CHARACTER_BITS, HEADLINE_LENGTH, headlineBytes, launchHeadlines } from './headlines.ts'

export const STORY_BYTES = TAG_BYTES + HEADLINE_LENGTH

/** How a story's circuit shows its input and its output. */
export const STORY_CIRCUIT = BYTE_CIRCUIT

/**
 * Tag ‖ headline, padded with spaces.
 * @param tag eight bytes in hexadecimal with 0x, as `tagOf` gives them
 * @throws ServingError bad-payload for another tag, LearningError BAD_DATA for a headline that is too long or not ASCII
 */
export function encodeStory(tag: string, headline: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{16}$/.test(tag)) {
    throw new ServingError('bad-payload', `tag '${tag}': expected 0x and ${2 * TAG_BYTES} hexadecimal digits`)
  }
  return Uint8Array.from([...Buffer.from(tag.slice(2), 'hex'), ...headlineBytes(headline)])
}

/** SHA-256 of a story, 32 bytes in hexadecimal with 0x: the publisher signs this. */
export function storyDigest(story: Uint8Array): string {
  return `0x${createHash('sha256').update(checked(story)).digest('hex')}`
}

/** The second public signal of its proof: uint256(digest) >> 8. */
export function storyCommitment(story: Uint8Array): bigint {
  return commitBytes(checked(story))
}

/** Bits of a weight and of an activation: docs/zkml.md has their cost in accuracy. */
const KNOBS = { weightBits: { default: 6 }, activationBits: { default: 8 } }

/** Made-up headlines that set the scales, and the seed that makes them. */
const CALIBRATION = { headlines: 100, seed: 5 }

/** The integer program of a reader of headlines, its weights constants: the circuit of one released version. */
export function storyProgram(model: Model): IntegerProgram {
  const headlines = launchHeadlines('train', CALIBRATION.headlines, CALIBRATION.seed)
  const stories = headlines.map(({ headline }) => encodeStory(NO_TAG, headline))
  return byteProgram(model, { bytes: STORY_BYTES, skip: TAG_BYTES, bits: CHARACTER_BITS }, stories, KNOBS)
}

const NO_TAG = `0x${'00'.repeat(TAG_BYTES)}`

/** A program's reading, without a proof. */
export function readStory(program: IntegerProgram, story: Uint8Array): Reading {
  return readBytes(program, checked(story))
}

/**
 * Proves a program's reading of a story, for one context (IPredictionMarket.contextOf).
 * @throws ServingError wrong-circuit when the prover's circuit does not read stories, bad-payload for a wrong length
 */
export async function proveStory(
  prover: InferenceProver,
  story: Uint8Array,
  context: bigint,
  options: ProveOptions = {},
): Promise<{ readonly reading: Reading; readonly proof: InferenceProof }> {
  return await proveBytes(prover, checked(story), context, 'stories', options)
}

/** @throws ServingError bad-payload for another length */
export function checked(story: Uint8Array): Uint8Array {
  if (story.length !== STORY_BYTES) {
    throw new ServingError('bad-payload', `a story has ${STORY_BYTES} bytes, found ${story.length}`)
  }
  return story
}
