// SPDX-License-Identifier: GPL-3.0-or-later
// The subject of the demo's service: digits with a named model, an example with a manifest made on the spot, or the user's own.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadMnist, proceduralDigits } from '../../keepers/learning/index.ts'
import {
  checkStart,
  exampleManifest,
  kindOfSamples,
  openManifest,
  readManifestFile,
  type ServiceManifest,
} from '../../keepers/versions/index.ts'
import { EXAMPLES, type RowsExample } from '../examples/examples.ts'
import { arraysOfManifest, foldersOfManifest } from './arrays.ts'
import { type DemoOptions, findData, OptionError } from './options.ts'
import { picturesOfManifest, picturesSubject } from './pictures.ts'
import { rowsOfManifest, rowsSubject, type Subject } from './rows.ts'

/** Local training: with two epochs the fifth round ends just below 96 % on MNIST, with four well above. */
const DIGITS_TRAINING = { 'training.epochs': 4, 'training.learningRate': 0.002 } as const

/** Digits of the test set that the console gets. */
const PUBLISHED = 200

/** @param folder the demo's folder, for its files @param changes another network than the example's, of rows */
export async function subjectOf(
  options: DemoOptions,
  folder: string,
  say: (text: string) => void,
  changes: Pick<RowsExample, 'model' | 'startsTrained'> = {},
): Promise<Subject> {
  if (options.manifest !== undefined) return await own(options.manifest, options, join(folder, 'data'))
  if (options.example === undefined) return digits(options)
  const example = EXAMPLES[options.example]
  if ('pictures' in example) return picturesSubject(example, options, say)
  return rowsSubject({ ...example, ...changes }, options.keepers, { folder: join(folder, 'data'), say })
}

async function own(file: string, options: DemoOptions, folder: string): Promise<Subject> {
  const manifest = readManifestFile(file)
  await openManifest(manifest, file)
  const data = options.data!
  const subject = await subjectOfData(manifest, data, { ...options, folder })
  const start = await startOfOwn(manifest, file, options.weights)
  return start === null ? subject : { ...subject, start }
}

async function subjectOfData(
  manifest: ServiceManifest,
  data: string,
  options: DemoOptions & { readonly folder: string },
): Promise<Subject> {
  const kind = await kindOfSamples(manifest.input, data)
  if (kind === 'idx') return picturesOfManifest(manifest, data, options)
  if (kind === 'images') return await foldersOfManifest(manifest, data, options)
  return kind === 'tensor'
    ? await arraysOfManifest(manifest, data, options)
    : await rowsOfManifest(manifest, data, options)
}

/** The first weights that a manifest names; beside it unless told, where `cohort new` puts them. */
async function startOfOwn(manifest: ServiceManifest, file: string, given: string | undefined) {
  const { weights } = manifest.model
  if (weights === undefined) {
    if (given === undefined) return null
    throw new OptionError(`--weights '${given}': ${file} names no first weights: leave it out`)
  }
  const place = given ?? join(dirname(file), 'weights.onnx')
  const bytes = await readFile(place).catch(() => {
    throw new OptionError(
      `${file} starts from ${weights.cid}: --weights says where that file is; ${place} is not there`,
    )
  })
  await checkStart(manifest.model, bytes)
  return bytes
}

function digits(options: DemoOptions): Subject {
  const data = findData(options)
  return {
    title: 'MNIST digits',
    // With all of MNIST in the sum, a larger least total gives the mean more precision under the same flooding.
    manifest: exampleManifest(options.model, { rounds: data === null ? {} : { minTotalSamples: 20_000 } }),
    values: (index, parts) => ({
      'data.shard': { kind: 'dirichlet', alpha: options.alpha, parts, index, seed: options.seed },
      ...(data === null ? {} : { 'data.path': data }),
      ...DIGITS_TRAINING,
    }),
    asked: async () => {
      const { inputs, labels } = await testDigits(data, 1)
      return { input: inputs[0]!, label: labels[0]! }
    },
    published: async () => await testDigits(data, PUBLISHED),
  }
}

/** The first digits of the test set: real values, and classes. */
async function testDigits(data: string | null, count: number) {
  const { test } =
    data === null ? proceduralDigits({ seed: 1, train: 10, test: Math.max(10, count) }) : await loadMnist({ dir: data })
  const size = test.inputs.length / test.count
  const inputs = Array.from({ length: count }, (_, i) =>
    Array.from(test.inputs.subarray(i * size, (i + 1) * size), (value) => value * test.scale),
  )
  return { inputs, labels: inputs.map((_, i) => Number(test.labels[i])) }
}
