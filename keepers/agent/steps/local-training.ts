// SPDX-License-Identifier: GPL-3.0-or-later
// Makes this keeper's update by its own training: trained, clipped, and padded to the length that all updates have.
import { steady } from '../../chain/index.ts'
import { type KeeperStrategy, valuesIn } from '../../learning/index.ts'
import { type Covered, clip, declaredWeight, entryBound } from '../../versions/index.ts'
import type { OwnTraining, Step } from '../context.ts'
import type { Trained } from '../training/outliving.ts'
import type { TrainOutcome } from '../training/protocol.ts'

/**
 * One training, from the model as it is now. The caller wipes the update.
 * @param signal Ends the training. For a training that may outlive its round, this is not the step's signal.
 * @throws LearningError DIVERGED, TRAINER_FAILED, BAD_STRATEGY; the signal's reason
 */
export async function trainHere(
  step: Step & { readonly seat: number },
  signal: AbortSignal = step.signal,
): Promise<Trained> {
  const { context, snapshot } = step
  const covered = context.coverage.of(snapshot.round)
  const { weights: global, moments } = await context.model.state()
  const { strategy, home, control: variates } = context
  const control = variates?.settled({ round: snapshot.round, seat: step.seat, facts: context.facts }, moments) ?? null
  const started = steady(context.clock)
  const { round, epoch } = snapshot
  const own: OwnTraining = (labelled = null) =>
    context.trainer.train(home.over(global), { round, epoch }, context.config.training, {
      signal,
      state: strategy === null ? [] : moments,
      judge: strategy?.weighs === true,
      control,
      labelled,
      onProgress: (progress) => context.log.debug({ event: 'training', round, ...progress }, 'training'),
    })
  const outcome = await (context.source === undefined ? own() : context.source({ ...step, signal }, own))
  const { rounds: terms } = context.manifest
  let clipped: ReturnType<typeof clip>
  const of = (vector: Float32Array) => (covered === null ? vector : valuesIn(vector, covered.parts))
  let trained = outcome.weights
  try {
    if (outcome.samples > 0) home.take(outcome.weights, global)
    else outcome.weights.set(global)
    trained = of(outcome.weights)
    clipped = clip(trained, of(global), entryBound(terms), terms.clipNorm)
  } finally {
    // As private as the update that it ends in.
    outcome.weights.fill(0)
    trained.fill(0)
  }
  const { norm } = clipped
  const update = covered === null ? clipped.update : padded(clipped.update, context.coverage.updateLength)
  if (control !== null && outcome.samples > 0) variates!.propose(round, control, update)
  const samples = declaredWeight(terms, await weightOf(strategy, outcome, terms.maxSamples))
  const seconds = (steady(context.clock) - started) / 1000
  context.metrics.stepSeconds.observe({ step: 'train' }, seconds)
  context.metrics.setTrainer(outcome.metrics ?? {})
  if (outcome.samples === 0) {
    context.log.info({ event: 'no samples', round, declared: samples }, 'nothing to train on: an update of zeros')
    return { update, samples }
  }
  context.log.info(
    {
      event: 'trained',
      round,
      samples,
      ...layersOf(covered),
      loss: outcome.loss,
      norm,
      seconds,
      ...metricsOf(outcome),
    },
    'trained on its shard',
  )
  return { update, samples }
}

/** The layers in a log line. */
export function layersOf(covered: Covered | null): { readonly layers?: string } {
  return covered === null ? {} : { layers: covered.name }
}

/** Pads with zeros up to `length`. Wipes the array that it copies. */
function padded(update: Float32Array, length: number): Float32Array {
  const whole = new Float32Array(length)
  whole.set(update)
  update.fill(0)
  return whole
}

/** The member's weight in the mean, before the terms limit it: its number of samples, unless the strategy returns another. */
async function weightOf(
  strategy: KeeperStrategy | null,
  { samples, lossBefore = Number.NaN }: TrainOutcome,
  maxSamples: number,
): Promise<number> {
  if (samples === 0) return 0
  return strategy?.weighs === true ? strategy.weight(samples, lossBefore, maxSamples) : samples
}

/** Figures that the operator's own trainer reported, for the log. */
function metricsOf({ metrics = {} }: { readonly metrics?: Readonly<Record<string, number>> }) {
  return Object.keys(metrics).length === 0 ? {} : { metrics }
}
