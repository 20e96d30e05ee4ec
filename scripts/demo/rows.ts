// SPDX-License-Identifier: GPL-3.0-or-later
// A demo about a file of the user's: its manifest is made on the spot, and each keeper has rows of its own.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dataset, parseCsv, readRows, tableText } from '../../keepers/learning/index.ts'
import {
  chooseArchitecture,
  type DraftReport,
  delimiterOf,
  draftService,
  readSample,
  tableRow,
} from '../../keepers/services/index.ts'
import { answersOf, labelReading, rowsOfInput, type ServiceManifest } from '../../keepers/versions/index.ts'
import { type RowsExample, trainingOf } from '../examples/examples.ts'
import type { PublicSamples } from '../web/site.ts'

export type Subject = {
  /** Of the service, for people. */
  readonly title: string
  readonly manifest: ServiceManifest
  /** The file of its first weights, where it names one. */
  readonly start?: Uint8Array
  /** What the data is, where keepers' own logs do not name it. */
  readonly data?: string
  /** Config values of keeper `index` of `count`: its data and how it trains on them. */
  readonly values: (index: number, count: number) => Readonly<Record<string, unknown>>
  /** A sample that nobody trained on, as the model takes it, and the index of its class, or its amount. */
  readonly asked: () => Promise<{ readonly input: readonly number[]; readonly label: number }>
  /** Samples that nobody trained on, for the console to judge versions with. */
  readonly published?: () => Promise<PublicSamples>
}

/** One row in so many is held back from all keepers. */
export const HELD_BACK = 5
/** Seats that the example's encryption serves, and rounds under one key: the demo's own, at most. */
export const CHAIN = { keepers: 16, decryptionsPerEpoch: 100 } as const
const ROUNDS = 50
/** A keeper's share of a small file is few steps an epoch. */
export const USUAL_TRAINING = { 'training.epochs': 6, 'training.learningRate': 0.005 } as const

/** Files that a table was dealt into. */
type Dealt = {
  /** `all` but those held back, `test`, and one for each keeper. */
  readonly file: (name: 'all' | 'test' | number) => string
  readonly rows: number
}

/** The manifest is made from the rows that are dealt. @throws NoExampleError */
export async function rowsSubject(
  example: RowsExample,
  keepers: number,
  { folder, say }: { readonly folder: string; readonly say: (text: string) => void },
): Promise<Subject> {
  // Refuses impossible options before anything is made.
  const training = await trainingOf(example)
  const dealt = await deal(await example.data(), keepers, folder)
  const sample = await readSample(dealt.file('all'), example.options)
  const spec = await chooseArchitecture(example.model, sample)
  const start = example.startsTrained === true ? { start: await readFile(example.model!) } : {}
  const about = { name: example.name, spec, sample, rounds: ROUNDS }
  const { manifest, report } = await draftService({ ...about, ...CHAIN, ...start })
  say(draftText(manifest, report, `${dealt.rows} rows`))
  return { title: example.title, manifest, ...start, ...rowsOf(manifest, dealt, training) }
}

/** A service with a manifest that is there. */
export async function rowsOfManifest(
  manifest: ServiceManifest,
  data: string,
  { keepers, folder }: { readonly keepers: number; readonly folder: string },
): Promise<Subject> {
  const dealt = await deal(data, keepers, folder)
  return { title: manifest.name, manifest, ...rowsOf(manifest, dealt, USUAL_TRAINING) }
}

/** Each keeper gets its own file, as real ones have; held-out rows serve for judging and for questions. */
async function deal(data: string, keepers: number, folder: string): Promise<Dealt> {
  const text = tableText(await readFile(data), data)
  const delimiter = delimiterOf(text)
  const [header, ...rows] = readRows(text, delimiter, data).map(({ fields }) =>
    fields.map((field) => (/["\r\n]/.test(field) || field.includes(delimiter) ? quoted(field) : field)).join(delimiter),
  )
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
  return { file, rows: train.length }
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`

function rowsOf(
  manifest: ServiceManifest,
  { file }: Dealt,
  training: Readonly<Record<string, unknown>>,
): Pick<Subject, 'values' | 'asked'> {
  const { input, name } = manifest
  if (input.kind === 'picture' || input.kind === 'tensor') throw new Error(`${name}: rows are of a table or of text`)
  return {
    values: (index) => ({
      'data.source': 'csv',
      'data.path': file(index),
      'data.test': file('test'),
      ...training,
    }),
    asked: async () => {
      const text = await readFile(file('test'), 'utf8')
      return { input: tableRow(input, text, file('test'), 1), label: answerIn(manifest, text) }
    },
  }
}

/** A line about a manifest that was made on the spot. */
export function draftText(manifest: ServiceManifest, report: DraftReport, from: string): string {
  const { parameters, accuracy, proof } = report
  return (
    `Manifest made from ${from}: ${parameters} parameters, ` +
    `${accuracy.start === undefined ? '' : `${figureOf(manifest, accuracy.start)} at the start, `}` +
    `${figureOf(manifest, accuracy.proven)} in ` +
    `${accuracy.rounds} simulated rounds, ${proof.constraints.toLocaleString('en-US')} constraints a proof`
  )
}

/** The first row's answer: the index of a class, an amount, or whether the first of several labels holds. */
function answerIn({ input, task }: ServiceManifest, text: string): number {
  const names = answersOf(task)
  const classes = typeof names === 'number' ? {} : { classes: [...names] }
  return answerOf({ task }, parseCsv(text, { ...rowsOfInput(input)!, ...labelReading(task), ...classes }))
}

/** The same of samples that are read. */
export function answerOf({ task }: Pick<ServiceManifest, 'task'>, { labels, targets }: Dataset): number {
  if (task.kind === 'classification') return labels[0]!
  return task.kind === 'labels' ? targets![0]! : targets![0]! * task.target.deviation + task.target.mean
}

/** Accuracy in per cent; of an amount R². */
export function figureOf({ task }: Pick<ServiceManifest, 'task'>, share: number): string {
  return task.kind === 'regression' ? `R² ${share.toFixed(3)}` : `${(100 * share).toFixed(2)} %`
}

/** The model's answer, in words. */
export function answerText({ task }: Pick<ServiceManifest, 'task'>, answer: number): string {
  if (task.kind === 'regression') return `${answer.toFixed(1)} ${task.unit}`.trim()
  return task.kind === 'labels' ? (answer === 1 ? task.labels[0]! : `not ${task.labels[0]}`) : task.classes[answer]!
}
