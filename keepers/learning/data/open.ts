// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the data in a directory: the four IDX files, train.csv + test.csv + schema.json, or train/ + test/ image folders.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LearningError } from '../errors.ts'
import { parseJson } from '../json.ts'
import type { DatasetPair } from '../types.ts'
import { type CsvSchema, csvSchemaSchema, loadCsv } from './csv.ts'
import { loadImageFolder } from './images.ts'
import { loadDigits, loadMnist } from './mnist.ts'

export type OpenedData = DatasetPair & {
  /** A sentence about the data for readers of the figures, which says so when the data is procedural. */
  readonly announcement: string
}

/** Without a directory: MNIST, or else the procedural digits. Throws BAD_DATA or DATA_NOT_FOUND. */
export async function openData(
  options: { dir?: string; offline?: boolean; seed?: number; signal?: AbortSignal } = {},
): Promise<OpenedData> {
  const { dir, ...rest } = options
  if (dir === undefined) return loadDigits(rest)
  const names = await readdir(dir).catch((cause: unknown) => {
    throw new LearningError('DATA_NOT_FOUND', `cannot read the data directory ${dir}`, { cause })
  })
  const pair = await openDirectory(dir, names, options.signal)
  if (`${pair.train.inputShape}` !== `${pair.test.inputShape}`) {
    throw new LearningError('BAD_DATA', `${dir}: training and test samples differ in shape`)
  }
  return { ...pair, announcement: `data: ${dir}, ${pair.train.count} + ${pair.test.count} samples` }
}

async function openDirectory(dir: string, names: string[], signal: AbortSignal | undefined): Promise<DatasetPair> {
  if (names.some((name) => name.startsWith('train-images'))) return loadMnist({ dir })
  if (names.includes('schema.json')) {
    const schema = await readSchema(join(dir, 'schema.json'))
    const train = await loadCsv(join(dir, 'train.csv'), schema)
    // The test set must number its classes as the training set does.
    const test = await loadCsv(join(dir, 'test.csv'), { ...schema, classes: [...(train.classNames ?? [])] })
    return { train, test }
  }
  if (names.includes('train') && names.includes('test')) {
    const options = signal === undefined ? {} : { signal }
    const train = await loadImageFolder(join(dir, 'train'), options)
    const test = await loadImageFolder(join(dir, 'test'), { ...options, classes: train.classNames ?? [] })
    return { train, test }
  }
  throw new LearningError(
    'DATA_NOT_FOUND',
    `${dir} holds neither IDX files (train-images-idx3-ubyte…), nor schema.json with train.csv and test.csv, ` +
      'nor train/ and test/ folders of pictures',
  )
}

async function readSchema(file: string): Promise<CsvSchema> {
  let json: unknown
  try {
    json = parseJson(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new LearningError('BAD_DATA', `${file}: not JSON (${(cause as Error).message.split('\n')[0]})`, { cause })
  }
  const parsed = csvSchemaSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError('BAD_DATA', `${file}: ${issue.path.join('.')}: ${issue.message}`)
  }
  return parsed.data
}
