// SPDX-License-Identifier: GPL-3.0-or-later
// A service's task, and how members judge a model: sections of a manifest.
import { z } from 'zod'
import type { Loss } from '../learning/index.ts'

const names = (least: number) =>
  z
    .array(z.string().min(1).max(200))
    .min(least, `takes at least ${least} names`)
    .max(4096)
    .refine((all) => new Set(all).size === all.length, 'names one class twice')

export const taskSchema = z.discriminatedUnion('kind', [
  /** One of several classes, in the order of the outputs. */
  z.strictObject({
    kind: z.literal('classification'),
    classes: names(2),
    /** How much a sample of each class counts in training; by default 1. */
    weights: z.array(z.number().positive().max(1e6)).optional(),
  }),
  /** Any number of several labels, in the order of the outputs; a file's column names them with `separator` between them. */
  z.strictObject({ kind: z.literal('labels'), labels: names(2), separator: z.string().length(1) }),
  /** An amount. The model's output is (amount − mean) / deviation; proofs state the amount itself. */
  z.strictObject({
    kind: z.literal('regression'),
    /** Unit of the amount for display, such as '€' or 'mm Hg'; may be empty. */
    unit: z.string().max(40),
    target: z.strictObject({ mean: z.number(), deviation: z.number().positive() }),
    /** The loss, as a function of errors in deviations. */
    loss: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('mse') }),
      z.strictObject({ kind: z.literal('mae') }),
      z.strictObject({ kind: z.literal('huber'), delta: z.number().positive() }),
    ]),
  }),
])
export type ServiceTask = z.infer<typeof taskSchema>

export const voteSchema = z.strictObject({
  metric: z.enum(['accuracy', 'loss']),
  /**
   * A member votes for a model unless the metric on its own hold-out is clearly worse than that of earlier models: an accuracy (0 … 1) lower by more
   * than this, or a loss higher by more than this fraction.
   */
  tolerance: z.number().min(0).max(1),
  /** Share of each member's samples that is held out to judge on. */
  holdOut: z.number().min(0.01).max(0.5),
})

/** Outputs of the model. */
export function outputsOf(task: ServiceTask): number {
  if (task.kind === 'regression') return 1
  return (task.kind === 'labels' ? task.labels : task.classes).length
}

/** A sample's possible answers: names in the order of the outputs, or the number of outputs without names. */
export function answersOf(task: ServiceTask): number | readonly string[] {
  if (task.kind === 'regression') return 1
  return task.kind === 'labels' ? task.labels : task.classes
}

/** How a file's column of labels is read. */
export function labelReading(task: ServiceTask) {
  if (task.kind === 'regression') return { target: task.target }
  return task.kind === 'labels' ? { separator: task.separator } : {}
}

/** How an array of labels is read. */
export function arrayReading(task: ServiceTask) {
  if (task.kind === 'regression') return { target: task.target }
  return task.kind === 'labels' ? { several: true } : {}
}

/** The loss. */
export function lossOfTask(task: ServiceTask): Loss {
  if (task.kind === 'regression') return task.loss
  if (task.kind === 'labels') return { kind: 'binary-cross-entropy' }
  return { kind: 'cross-entropy', ...(task.weights === undefined ? {} : { weights: task.weights }) }
}

/** A contradiction in the section, naming the key; null if it is consistent. */
export function contradictionInTask(
  task: ServiceTask,
  { metric }: z.infer<typeof voteSchema>,
  output: { readonly kind: string },
): string | null {
  if (task.kind === 'regression') {
    if (metric !== 'loss') return 'vote.metric: accuracy, of an amount members judge the loss'
    return output.kind === 'value' ? null : `plan.output: ${output.kind}, an amount is proven as value`
  }
  if (output.kind === 'value') return `plan.output: value, of a ${task.kind} there are several scores`
  if (task.kind === 'labels') {
    return output.kind === 'label' || output.kind === 'margin'
      ? `plan.output: ${output.kind}, of several labels each is proven alone (score)`
      : null
  }
  const { weights, classes } = task
  return weights === undefined || weights.length === classes.length
    ? null
    : `task.weights: ${weights.length} entries for ${classes.length} classes`
}
