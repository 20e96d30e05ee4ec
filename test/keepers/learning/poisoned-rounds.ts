// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds of a service with one poisoner whose update passes its proof at k times the bound: real training, the check of the mean's
// norm, members' votes, and who is left out after a lost round.
import {
  checkMeanNorm,
  type Dataset,
  isAcceptable,
  LearningError,
  LocalTrainer,
  meanNormBound,
  modelSpec,
  nextReference,
  normOf,
  simulate,
  weightedMean,
} from '../../../keepers/learning/index.ts'
import { Suspects } from '../../contracts/rounds/suspicion-model.ts'

/** Of updates: what the honest ones of the first rounds reach. */
const BOUND = 0.5
/** A float32's rounding of the weights that carry an update. */
const ROUNDING = 1e-4
/** As in the profile of a service that says nothing. */
const VOTE_TOLERANCE = 0.25
const SPEC = modelSpec('logistic')

export type Poisoning =
  /** An update of k times the bound, against what honest training would have sent. */
  | number
  /** The longest such update whose mean is not refused, given what all the others send; nobody can know that, so this is the worst. */
  | 'just within'
  /** Nobody poisons. */
  | 'none'

export type Outcome = {
  /** Rounds refused for the mean's norm. */
  readonly refused: readonly number[]
  /** Rounds refused by the vote. */
  readonly votedDown: readonly number[]
  /** Rounds completed with the poisoner's update in the sum. */
  readonly poisoned: readonly number[]
  readonly accuracy: number
}

/** Plays `rounds` rounds of `members`, one of which poisons every round that it is in. */
export async function poisonedRounds(of: {
  readonly members: number
  readonly poisoning: Poisoning
  /** The first round that it poisons: until then it is honest. Default 0. */
  readonly from?: number
  readonly rounds: number
  /** What votes hold a model against; 'last' is what they did before, to show what it takes. */
  readonly heldAgainst?: 'last'
  readonly seed: number
  readonly data: { readonly train: Dataset; readonly test: Dataset }
}): Promise<Outcome> {
  const { members, from = 0, rounds, seed, data } = of
  const suspects = new Suspects(members, seed)
  const trainer = await LocalTrainer.create({ spec: SPEC })
  const refused: number[] = []
  const votedDown: number[] = []
  const poisoned: number[] = []
  let reference: number | null = null
  const { records } = await simulate({
    spec: SPEC,
    data,
    settings: {
      keepers: members,
      rounds,
      training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
      bound: { norm: BOUND, check: 'none' },
      seed,
    },
    workers: 0,
    combine: async (updates, { round, global }) => {
      const { inside } = suspects.next()
      const poisoning = round < from ? 'none' : of.poisoning
      const changes = updates.map(({ weights }) => Float64Array.from(weights, (w, i) => w - global[i]!))
      const honest = inside.filter((member) => member !== 0)
      const direction = changes[0]!
      const factor = inside.includes(0)
        ? poison(poisoning, direction, sumOf(honest.map((m) => changes[m]!)), inside.length)
        : 0
      const sent = inside.map((member) => ({
        weights: member === 0 ? global.map((w, i) => w + factor * direction[i]!) : updates[member]!.weights,
        weight: 1,
      }))
      const mean = weightedMean(sent)
      const lose = (list: number[]) => {
        list.push(round)
        suspects.lost()
        return global
      }
      try {
        checkMeanNorm(
          Float64Array.from(mean, (w, i) => w - global[i]!),
          meanNormBound({ clipNorm: BOUND * (1 + ROUNDING), length: global.length, valueError: 0 }),
        )
      } catch (error) {
        if (error instanceof LearningError && error.code === 'NORM_EXCEEDED') return lose(refused)
        throw error
      }
      trainer.setWeights(mean)
      const { accuracy } = await trainer.evaluate(data.test)
      if (!isAcceptable(accuracy, reference, VOTE_TOLERANCE)) return lose(votedDown)
      reference = of.heldAgainst === 'last' ? accuracy : nextReference(accuracy, reference)
      if (inside.includes(0) && poisoning !== 'none') poisoned.push(round)
      suspects.completed()
      return mean
    },
  })
  trainer.teardown()
  return { refused, votedDown, poisoned, accuracy: records.at(-1)!.accuracy }
}

/** What the poisoner multiplies its honest update with. */
function poison(poisoning: Poisoning, own: Float64Array, others: Float64Array, members: number): number {
  if (poisoning === 'none') return 1
  const norm = normOf(own)
  if (poisoning !== 'just within') return (-poisoning * BOUND) / norm
  // The largest x with ‖others − x·own‖ = members·bound.
  const reach = 0.999 * members * BOUND
  const along = others.reduce((sum, value, i) => sum + value * own[i]!, 0) / norm
  return -(along + Math.sqrt(along ** 2 + reach ** 2 - normOf(others) ** 2)) / norm
}

function sumOf(vectors: readonly Float64Array[]): Float64Array {
  return vectors.reduce((sum, vector) => sum.map((value, i) => value + vector[i]!))
}
