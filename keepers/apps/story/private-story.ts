// SPDX-License-Identifier: GPL-3.0-or-later
// A private story: the same 119 bytes, signed with EdDSA-Poseidon under a salt, for a circuit that checks the signature itself. A
// market resolves by the proof (IPredictionMarket.resolvePrivate), and nobody but publisher and prover sees the text.

import { type Reading, readingOf, requireByteCircuit } from '../../serving/index.ts'
import {
  type ContentSignature,
  commitInput,
  type InferenceProof,
  type InferenceProver,
  type ProveOptions,
  randomSalt,
  signContent,
} from '../../zkml/index.ts'
import { checked, encodeStory } from './story.ts'

/** How a private story's circuit shows its input and its output. */
export const PRIVATE_STORY_CIRCUIT = { input: 'signed', output: 'public' } as const

/** The layout that a circuit of stories commits to: 119 bytes. */
const BYTES = { bits: 8, min: 0 }

/** A private story, which the publisher gives to the prover and to nobody else. */
export type PrivateStory = {
  readonly story: Uint8Array
  /** Hides the text, which could be guessed, in the signed commitment. */
  readonly salt: bigint
  readonly signed: ContentSignature
}

/**
 * Signs a headline for one market, under a fresh salt.
 * @param seed 32 secret bytes whose public key the publisher has registered. No message contains them.
 * @param tag eight bytes in hexadecimal with 0x, from IPredictionMarket.tagOf
 * @throws ServingError, LearningError as encodeStory; CircuitError for a seed of another length
 */
export function signPrivateStory(seed: Uint8Array, tag: string, headline: string): PrivateStory {
  const story = encodeStory(tag, headline)
  const salt = randomSalt()
  return { story, salt, signed: signContent(seed, commitInput(story, BYTES, salt), BigInt(tag)) }
}

/**
 * Proves a program's reading of a private story, for one context (IPredictionMarket.contextOf).
 * @throws ServingError wrong-circuit when the prover's circuit does not read private stories, bad-payload for a wrong length;
 *   CircuitError unsigned when text, salt, tag and signature do not belong together
 */
export async function provePrivateStory(
  prover: InferenceProver,
  { story, salt, signed }: PrivateStory,
  context: bigint,
  options: ProveOptions = {},
): Promise<{ readonly reading: Reading; readonly proof: InferenceProof }> {
  requireByteCircuit(prover, PRIVATE_STORY_CIRCUIT, 'private stories')
  const input = checked(story)
  const proof = await prover.prove({ input, integers: true, context, salts: { input: salt }, signed }, options)
  return { reading: readingOf(proof.publicSignals[2]!), proof }
}
