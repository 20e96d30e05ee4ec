// SPDX-License-Identifier: GPL-3.0-or-later
// What the demo's service is about: digits with a named model, or an example with a manifest made on the spot.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadMnist, proceduralDigits } from '../../keepers/learning/index.ts'
import { chooseArchitecture, draftService, readSample, tableRow } from '../../keepers/services/index.ts'
import { exampleManifest, type ServiceManifest } from '../../keepers/versions/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { type DemoOptions, findData } from './options.ts'

export type Subject = {
  /** Of the service, for people. */
  readonly title: string
  readonly manifest: ServiceManifest
  /** Config values of keeper `index` of `count`: its data and how it trains on them. */
  readonly values: (index: number, count: number) => Readonly<Record<string, unknown>>
  /** A sample that nobody trained on, as the model takes it, and the index of its class. */
  readonly asked: () => Promise<{ readonly input: readonly number[]; readonly label: number }>
}

/** Local training: with two epochs the fifth round ends just below 96 % on MNIST, with four well above. */
const DIGITS_TRAINING = { 'training.epochs': 4, 'training.learningRate': 0.002 } as const
/** A hundred rows a keeper are few steps an epoch. */
const CELLS_TRAINING = { 'training.epochs': 6, 'training.learningRate': 0.005 } as const
/** One row in so many is held back from all keepers. */
const HELD_BACK = 5
/** Seats that the example's encryption serves, and rounds under one key: the demo's own, at most. */
const CELLS_CHAIN = { keepers: 16, decryptionsPerEpoch: 100 } as const

/** @param folder of the demo, for what it writes */
export async function subjectOf(options: DemoOptions, folder: string, say: (text: string) => void): Promise<Subject> {
  return options.example === undefined ? digits(options) : cells(options, join(folder, 'data'), say)
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
      const { test } =
        data === null ? proceduralDigits({ seed: 1, train: 10, test: 10 }) : await loadMnist({ dir: data })
      const size = test.inputs.length / test.count
      return {
        input: Array.from(test.inputs.subarray(0, size), (value) => value * test.scale),
        label: Number(test.labels[0]),
      }
    },
  }
}

/** Each keeper gets a file of its own, as real ones have; what is held back judges and is asked about. */
async function cells({ keepers }: DemoOptions, folder: string, say: (text: string) => void): Promise<Subject> {
  const [header, ...rows] = (await readFile(join(ROOT, 'examples/breast-cancer/cells.csv'), 'utf8')).trim().split('\n')
  const test = rows.filter((_, row) => row % HELD_BACK === 0)
  const train = rows.filter((_, row) => row % HELD_BACK !== 0)
  const file = (name: string | number): string => join(folder, `${name}.csv`)
  const write = (name: string | number, lines: readonly string[]): Promise<void> =>
    writeFile(file(name), `${[header, ...lines].join('\n')}\n`)
  await mkdir(folder, { recursive: true })
  await Promise.all([
    write('all', train),
    write('test', test),
    ...Array.from({ length: keepers }, (_, index) =>
      write(
        index,
        train.filter((_, row) => row % keepers === index),
      ),
    ),
  ])
  const sample = await readSample(file('all'))
  const spec = await chooseArchitecture(undefined, sample)
  const { manifest, report } = await draftService({ name: 'cells', spec, sample, rounds: 50, ...CELLS_CHAIN })
  const { accuracy, proof } = report
  say(
    `Manifest made from ${train.length} rows: ${report.parameters} parameters, ${(100 * accuracy.proven).toFixed(1)} % in ` +
      `${accuracy.rounds} simulated rounds, ${proof.constraints.toLocaleString('en-US')} constraints a proof`,
  )
  const { input, task } = manifest
  if (input.kind !== 'table') throw new Error('the example is a table')
  return {
    title: 'Breast cancer',
    manifest,
    values: (index) => ({
      'data.source': 'csv',
      'data.path': file(index),
      'data.test': file('test'),
      ...CELLS_TRAINING,
    }),
    asked: async () => ({
      input: tableRow(input, await readFile(file('test'), 'utf8'), file('test'), 1),
      label: task.kind === 'classification' ? task.classes.indexOf(test[0]!.split(',').at(-1)!) : Number.NaN,
    }),
  }
}
