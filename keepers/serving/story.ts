// SPDX-License-Identifier: GPL-3.0-or-later
// A story: what a publisher signs, what a network reads, and what a prediction market pays on. 119 bytes: the tag that the
// market gives it (IPredictionMarket.tagOf) and a headline. The publisher signs SHA-256 of all of it, with any tool.
import { createHash } from 'node:crypto'
import {
  CHARACTER_BITS,
  HEADLINE_LENGTH,
  headlineBytes,
  launchHeadlines,
  type Model,
  modelJson,
} from '../learning/index.ts'
import {
  calibrate,
  commitBytes,
  type InferenceProof,
  type InferenceProver,
  type IntegerProgram,
  importTfjs,
  interpret,
  type ProveOptions,
  plainResult,
  readingBytes,
} from '../zkml/index.ts'
import { ServingError } from './errors.ts'

export const TAG_BYTES = 8
export const STORY_BYTES = TAG_BYTES + HEADLINE_LENGTH

/** How a story's circuit shows its input and its output. */
export const STORY_CIRCUIT = { input: 'sha256', output: 'public' } as const

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

/** SHA-256 of a story, 32 bytes in hexadecimal with 0x: what the publisher signs. */
export function storyDigest(story: Uint8Array): string {
  return `0x${createHash('sha256').update(checked(story)).digest('hex')}`
}

/** The second public signal of its proof: uint256(digest) >> 8. */
export function storyCommitment(story: Uint8Array): bigint {
  return commitBytes(checked(story))
}

/** What a reader says of a story. */
export type StoryReading = {
  /** Index of the class with the highest score. */
  readonly label: number
  /** How far ahead of the next it is, in units of the circuit. */
  readonly margin: bigint
  /** Both, as the third public signal and as the market takes it: label + 2^16 · margin. */
  readonly output: bigint
}

/** Bits of a weight and of an activation: see docs/zkml.md for what they cost in accuracy. */
const KNOBS = { weightBits: { default: 6 }, activationBits: { default: 8 } }

/** Made-up headlines that set the scales, and the seed that makes them. */
const CALIBRATION = { headlines: 100, seed: 5 }

/** The integer program of a reader of headlines, its weights constants: the circuit of one released version. */
export function storyProgram({ spec, weights }: Model): IntegerProgram {
  const { buffer, byteOffset, byteLength } = weights
  const network = importTfjs(JSON.stringify(modelJson({ spec, weights })), () => {
    return new Uint8Array(buffer, byteOffset, byteLength)
  })
  const graph = readingBytes(network, { bytes: STORY_BYTES, skip: TAG_BYTES, bits: CHARACTER_BITS })
  const headlines = launchHeadlines('train', CALIBRATION.headlines, CALIBRATION.seed)
  const stories = headlines.map(({ headline }) => encodeStory(NO_TAG, headline))
  return calibrate(graph, stories, { mode: 'released', output: { kind: 'margin' }, knobs: KNOBS }).program
}

const NO_TAG = `0x${'00'.repeat(TAG_BYTES)}`

/** What a program reads, without a proof. */
export function readStory(program: IntegerProgram, story: Uint8Array): StoryReading {
  return readingOf(plainResult(program, interpret(program, checked(story)).scores))
}

/**
 * Proves what a program reads in a story, for one context (IPredictionMarket.contextOf).
 * @throws ServingError wrong-circuit when the prover's circuit is none of stories, bad-payload for a wrong length
 */
export async function proveStory(
  prover: InferenceProver,
  story: Uint8Array,
  context: bigint,
  options: ProveOptions = {},
): Promise<{ readonly reading: StoryReading; readonly proof: InferenceProof }> {
  const { manifest, program } = prover.circuit.folder
  if (manifest.input !== STORY_CIRCUIT.input || manifest.output !== 'public' || program.output.kind !== 'margin') {
    throw new ServingError(
      'wrong-circuit',
      `circuit ${manifest.name} shows input ${manifest.input}, output ${manifest.output} ${program.output.kind}; ` +
        'stories need sha256, public and margin',
    )
  }
  const proof = await prover.prove({ input: checked(story), integers: true, context }, options)
  return { reading: readingOf(proof.publicSignals[2]!), proof }
}

function readingOf(output: bigint): StoryReading {
  return { label: Number(output & 0xffffn), margin: output >> 16n, output }
}

function checked(story: Uint8Array): Uint8Array {
  if (story.length !== STORY_BYTES) {
    throw new ServingError('bad-payload', `a story has ${STORY_BYTES} bytes, found ${story.length}`)
  }
  return story
}
