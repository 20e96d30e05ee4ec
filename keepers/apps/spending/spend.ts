// SPDX-License-Identifier: GPL-3.0-or-later
// A spending guard's question to a fraud model: sixteen bytes that the contract computes (SpendFeatures.encode), a tag and eight features. They are
// not signed, because the contract hashes them itself.

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
import { FEATURE_BITS, SPEND_FEATURES } from './features.ts'
import { spendHistories } from './histories.ts'

/** SpendFeatures.FEATURES_TAG. */
const SPEND_TAG = 'spend.v1'
export const SPEND_BYTES = TAG_BYTES + SPEND_FEATURES
const MOST_OF_A_FEATURE = 2 ** FEATURE_BITS.length - 1

/** How its circuit shows its input and its output. */
export const SPEND_CIRCUIT = BYTE_CIRCUIT

/**
 * Tag ‖ features.
 * @param features eight numbers from 0 to 31
 * @throws ServingError bad-payload naming the feature
 */
export function encodeSpend(features: ArrayLike<number>): Uint8Array {
  return checkedSpend(Uint8Array.from([...Buffer.from(SPEND_TAG, 'latin1'), ...wholeBytes(features)]))
}

/** Returns `bytes` if they are a tag and features. @throws ServingError bad-payload */
export function checkedSpend(bytes: Uint8Array): Uint8Array {
  const fail = (what: string): never => {
    throw new ServingError('bad-payload', what)
  }
  if (bytes.length !== SPEND_BYTES)
    fail(`a spend is ${SPEND_BYTES} bytes, ${SPEND_FEATURES} of them features; found ${bytes.length}`)
  const tag = Buffer.from(bytes.subarray(0, TAG_BYTES)).toString('latin1')
  if (tag !== SPEND_TAG)
    fail(`tag ${JSON.stringify(tag)} of a spend, expected ${SPEND_TAG}: the guard is of another version`)
  for (const [i, feature] of bytes.subarray(TAG_BYTES).entries()) {
    if (feature > MOST_OF_A_FEATURE) fail(`feature ${i} of a spend is ${feature}, at most ${MOST_OF_A_FEATURE}`)
  }
  return bytes
}

function wholeBytes(features: ArrayLike<number>): number[] {
  return Array.from(features, (feature, i) => {
    if (Number.isInteger(feature) && feature >= 0 && feature <= MOST_OF_A_FEATURE) return feature
    throw new ServingError(
      'bad-payload',
      `feature ${i} of a spend is ${feature}, a whole number from 0 to ${MOST_OF_A_FEATURE} is needed`,
    )
  })
}

/** The second public signal of its proof: uint256(sha256(bytes)) >> 8. */
export function spendCommitment(spend: Uint8Array): bigint {
  return commitBytes(checkedSpend(spend))
}

/** Most constraints are the hash and few are activations, so precision is cheap. */
const KNOBS = { weightBits: { default: 10 }, activationBits: { default: 12 } }

/** Made-up accounts that set the scales, and the seed that makes them. */
const CALIBRATION = { split: 'train', accounts: 200, seed: 5 } as const

/** The integer program of a fraud model, its weights constants: the circuit of one released version. */
export function spendProgram(model: Model): IntegerProgram {
  const spends = spendHistories(CALIBRATION).map(({ features }) => encodeSpend(features))
  return byteProgram(model, { bytes: SPEND_BYTES, skip: TAG_BYTES, bits: FEATURE_BITS }, spends, KNOBS)
}

/** A program's verdict on a spend, without a proof. */
export function readSpend(program: IntegerProgram, spend: Uint8Array): Reading {
  return readBytes(program, checkedSpend(spend))
}

/**
 * Proves a program's verdict on a spend, for one context (ISpendingGuard.statementOf).
 * @throws ServingError wrong-circuit when the prover's circuit does not judge spends, bad-payload for other bytes
 */
export async function proveSpend(
  prover: InferenceProver,
  spend: Uint8Array,
  context: bigint,
  options: ProveOptions = {},
): Promise<{ readonly reading: Reading; readonly proof: InferenceProof }> {
  return await proveBytes(prover, checkedSpend(spend), context, 'spends', options)
}
