// SPDX-License-Identifier: GPL-3.0-or-later
// One party's data in a federation: its own samples, and the shape and classes on which all parties have agreed.
import { basename } from 'node:path'
import { LearningError } from '../errors.ts'
import type { Dataset } from '../types.ts'
import { type CsvSchema, loadCsv } from './csv.ts'
import { loadImageFolder } from './images.ts'
import { loadDigits, loadIdxFolder } from './mnist.ts'
import { loadTensors, type TensorAnswers, type TensorTerms } from './tensors.ts'

export type SampleSource =
  /** MNIST's four files in `path`; without one, MNIST where it is found on this machine, or else procedural digits. */
  | { readonly kind: 'digits'; readonly path?: string }
  /** A folder of IDX files as MNIST's are named; the test pair may be absent. */
  | { readonly kind: 'idx'; readonly path: string }
  /** A CSV file, and another of the same columns to report on. */
  | {
      readonly kind: 'csv'
      readonly path: string
      readonly test?: string
      readonly table: Omit<CsvSchema, 'classes' | 'inputShape'>
    }
  /** A folder with one sub-folder of pictures per class, and another like it to report on. */
  | { readonly kind: 'images'; readonly path: string; readonly test?: string }
  /** A file of arrays, or a folder of .npy files, and another like it to report on. */
  | {
      readonly kind: 'tensor'
      readonly path: string
      readonly test?: string
      readonly tensor: TensorTerms & { readonly answers: Omit<TensorAnswers, 'classes'> }
    }

/** Input shape and classes of the federation's model. Parties that number the classes differently would train against each other. */
export type SampleForm = {
  readonly inputShape: readonly number[]
  /** How many, or their names in the order of the model's outputs. Tables and pictures need names; amounts have none, and one output. */
  readonly classes: number | readonly string[]
}

export type Samples = {
  readonly train: Dataset
  /** Samples that are not trained on, when the source has such. */
  readonly test: Dataset | null
  /** A sentence for readers of the figures: counts and origin, without any path or sample. */
  readonly announcement: string
}

/** Opens a source. Never touches the network. Throws DATA_NOT_FOUND, BAD_DATA (naming the file), BAD_PARAMETERS. */
export async function openSamples(source: SampleSource, form: SampleForm, signal?: AbortSignal): Promise<Samples> {
  const { train, test, announcement } = await read(source, form, signal)
  const classes = typeof form.classes === 'number' ? form.classes : form.classes.length
  for (const data of test === null ? [train] : [train, test]) {
    if (`${data.inputShape}` !== `${form.inputShape}`) {
      throw new LearningError(
        'BAD_DATA',
        `${data.name}: samples of ${data.inputShape.join('×')}, the model takes ${form.inputShape.join('×')}`,
      )
    }
    if (data.classes !== classes) {
      throw new LearningError('BAD_DATA', `${data.name}: ${data.classes} classes, the model distinguishes ${classes}`)
    }
  }
  return { train, test, announcement: announcement ?? announce(source, train, test) }
}

async function read(
  source: SampleSource,
  { classes, inputShape }: SampleForm,
  signal: AbortSignal | undefined,
): Promise<{ train: Dataset; test: Dataset | null; announcement?: string }> {
  if (source.kind === 'digits') {
    const dir = source.path === undefined ? {} : { dir: source.path }
    return loadDigits({ ...dir, offline: true, ...(signal === undefined ? {} : { signal }) })
  }
  if (source.kind === 'idx') {
    return loadIdxFolder(source.path, { classes: typeof classes === 'number' ? classes : classes.length })
  }
  const { path, test } = source
  const names = (): readonly string[] => {
    if (typeof classes !== 'number') return classes
    throw new LearningError(
      'BAD_PARAMETERS',
      `${source.kind} needs the names of the ${classes} classes, in their order`,
    )
  }
  if (source.kind === 'csv') {
    const named = source.table.target === undefined ? { classes: [...names()] } : {}
    const schema = { ...source.table, ...named, inputShape: [...inputShape] }
    const load = (file: string): Promise<Dataset> => loadCsv(file, schema).catch((error) => missing(file, error))
    return { train: await load(path), test: test === undefined ? null : await load(test) }
  }
  if (source.kind === 'tensor') {
    const { answers, ...terms } = source.tensor
    const named = answers.target === undefined ? { classes: names() } : {}
    const load = (file: string): Promise<Dataset> =>
      loadTensors(file, { ...terms, answers: { ...answers, ...named } }, inputShape)
    return { train: await load(path), test: test === undefined ? null : await load(test) }
  }
  const options = { classes: names(), ...(signal === undefined ? {} : { signal }) }
  const load = (folder: string): Promise<Dataset> =>
    loadImageFolder(folder, options).catch((error) => missing(folder, error))
  return { train: await load(path), test: test === undefined ? null : await load(test) }
}

function missing(path: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') {
    throw new LearningError('DATA_NOT_FOUND', `cannot read ${path}: ${code}`, { cause: error })
  }
  throw error
}

function announce({ kind, path = '' }: SampleSource, train: Dataset, test: Dataset | null): string {
  const others = test === null ? '' : ` + ${test.count}`
  return `data: ${train.origin === 'mnist' ? 'MNIST' : `${kind} ${basename(path)}`}, ${train.count}${others} samples`
}
