// SPDX-License-Identifier: GPL-3.0-or-later
// The members' half of SCAFFOLD (Karimireddy et al. 2020, algorithm 1, option II), the same code in a keeper and in a simulation.
import { LearningError } from '../errors.ts'
import type { TrainingParameters } from '../types.ts'

/** A member's input to training, besides the weights. */
export type Control = {
  /** K·η, local steps times local rate; all members agree on it. */
  readonly localRate: number
  /** c, from the service's model. */
  readonly server: Float32Array
  /** The member's own cᵢ; null before its first round, when it is zero. */
  readonly own: Float32Array | null
}

/**
 * Training by plain SGD in K steps of localRate / K, each gradient corrected by c − cᵢ. The rate of the member's own settings does not count:
 * members with more samples take more and smaller steps, so that K·η is everybody's.
 * @param samples that it trains on
 * @throws LearningError BAD_PARAMETERS for vectors of different lengths
 */
export function controlled(
  training: TrainingParameters,
  samples: number,
  { localRate, server, own }: Control,
): { readonly training: TrainingParameters; readonly correction: Float32Array } {
  checkLength(server, own)
  const steps = training.epochs * Math.ceil(samples / training.batchSize)
  return {
    training: { ...training, optimizer: { kind: 'sgd', learningRate: localRate / steps } },
    correction: own === null ? server.slice() : server.map((value, i) => value - own[i]!),
  }
}

/**
 * cᵢ after a round in which the member's update was averaged: cᵢ − c − Δᵢ/(Kη). Computed from the update as it was sent, after clipping,
 * because the strategy knows the mean of these.
 */
export function nextControl({ localRate, server, own }: Control, update: Float32Array): Float32Array<ArrayBuffer> {
  checkLength(server, own)
  checkLength(server, update)
  return Float32Array.from(update, (change, i) => (own?.[i] ?? 0) - server[i]! - change / localRate)
}

function checkLength({ length }: Float32Array, other: Float32Array | null): void {
  if (other === null || other.length === length) return
  throw new LearningError('BAD_PARAMETERS', `control variates of ${other.length} and ${length} values`)
}
