// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort learning evaluate`: a saved model's figures on its service's samples, or on a folder of data.
import process from 'node:process'
import type { ClassFigures, Dataset, Evaluation, ModelSpec } from '../learning/index.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { manifestOf } from './manifest-option.ts'

export type EvaluateOptions = { readonly data?: string; readonly manifest?: string; readonly json?: boolean }

type Judged = {
  readonly spec: ModelSpec
  readonly data: Dataset
  readonly announcement: string
  /** Names of the outputs, in their order. */
  readonly names: readonly string[]
  /** Converts deviations to the amount's unit. */
  readonly unit: { readonly factor: number; readonly name: string } | null
}

export async function evaluate(directory: string, options: EvaluateOptions, signal: AbortSignal): Promise<void> {
  const { classFigures, figuresOf, loadModel, LocalTrainer, specHash } = await import('../learning/index.ts')
  const model = await loadModel(directory)
  const judged =
    options.manifest === undefined
      ? await byData(model.spec, options, signal)
      : await byManifest(model.spec, options, signal)
  process.stderr.write(`${judged.announcement}\n`)
  const { spec, data, names, unit } = judged
  const trainer = await LocalTrainer.create({ spec, onWarning: (text) => process.stderr.write(`${text}\n`) })
  trainer.setWeights(model.weights)
  const evaluation = await trainer.evaluate(data, { signal })
  trainer.teardown()
  const figures = figuresOf(evaluation, unit?.factor ?? 1)
  const classes = classFigures(evaluation, names)
  if (options.json === true) {
    const { count, loss, accuracy, confusion } = evaluation
    const rows =
      confusion.length === 0
        ? []
        : classes.map((_, i) => [...confusion.subarray(i * classes.length, (i + 1) * classes.length)])
    const about = { model: spec.name, specHash: specHash(spec), data: data.name, count, loss, accuracy }
    process.stdout.write(`${JSON.stringify({ ...about, figures, classes, confusion: rows })}\n`)
    return
  }
  process.stdout.write(`${spec.name}: ${sentence(evaluation, figures, unit)}\n`)
  if (classes.length > 0) process.stdout.write(confusionText(evaluation, classes))
}

async function byData(spec: ModelSpec, { data }: EvaluateOptions, signal: AbortSignal): Promise<Judged> {
  const { openData } = await import('../learning/index.ts')
  const { test, announcement } = await openData({ ...(data === undefined ? {} : { dir: data }), signal })
  const names = test.classNames ?? Array.from({ length: spec.classes }, (_, i) => String(i))
  return { spec, data: test, announcement, names, unit: null }
}

/** Reads samples as the service's members read theirs. */
async function byManifest(
  spec: ModelSpec,
  { data, manifest: file = '' }: EvaluateOptions,
  signal: AbortSignal,
): Promise<Judged> {
  const [{ specHash }, versions] = await Promise.all([import('../learning/index.ts'), import('../versions/index.ts')])
  if (data === undefined) throw new UsageError('--manifest: --data names the file or folder of samples')
  const manifest = await manifestOf(file)
  const { input, task } = manifest
  const found = specHash(spec)
  if (found !== manifest.model.specHash) {
    throw new CommandError(
      `the model's architecture has the hash ${found}, the manifest's ${manifest.model.specHash}: take the model of this service`,
      EXIT.data,
    )
  }
  const answers = versions.answersOf(task)
  const place = { kind: await versions.kindOfSamples(input, data), path: data }
  const samples = await versions.samplesOf(manifest, place, signal)
  const amount = task.kind === 'regression'
  return {
    spec: { ...spec, loss: versions.lossOfTask(task) },
    data: samples.test ?? samples.train,
    announcement: samples.announcement,
    names: typeof answers === 'number' ? [] : answers,
    unit: amount ? { factor: task.target.deviation, name: task.unit } : null,
  }
}

function sentence(
  { count, loss, accuracy }: Evaluation,
  figures: Readonly<Record<string, number>>,
  unit: Judged['unit'],
): string {
  if (unit !== null) {
    const { r2, mae, rmse } = figures
    const errors = `off by ${mae!.toFixed(2)} ${unit.name} on average (root of the mean square ${rmse!.toFixed(2)})`
    return `R² ${r2!.toFixed(3)} of ${count}, ${errors.replace('  ', ' ')}, loss ${loss.toFixed(4)}`
  }
  const more = Object.entries(figures).filter(([name]) => name !== 'accuracy')
  const rest = more.map(([name, value]) => `, ${name} ${value.toFixed(4)}`).join('')
  return `${(100 * accuracy).toFixed(2)} % of ${count} right, loss ${loss.toFixed(4)}${rest}`
}

/** The confusion of classes. For several labels, which do not exclude each other: how many samples have each. */
function confusionText({ confusion, labels }: Evaluation, classes: readonly ClassFigures[]): string {
  const width = Math.max(5, ...classes.map(({ name }) => name.length))
  const lines = classes.map(({ name, samples, recall, precision, f1 }, i) => {
    const row = labels === undefined ? [...confusion.subarray(i * classes.length, (i + 1) * classes.length)] : [samples]
    const counts = row.map((n) => String(n).padStart(6)).join('')
    return `${name.padStart(width)} |${counts} | ${[recall, precision, f1].map((share) => share?.toFixed(3) ?? '    –').join('  ')}`
  })
  if (labels !== undefined) {
    return `${'label'.padStart(width)} | samples | recall, precision, f1\n${lines.join('\n')}\n`
  }
  return `${'truth'.padStart(width)} | answers in the order of truths | recall, precision, f1\n${lines.join('\n')}\n`
}
