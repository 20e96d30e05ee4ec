// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a sample of the data that members will have: enough to see its form, to train a little, and to calibrate.
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import {
  type Dataset,
  isArrayFile,
  LearningError,
  loadDigits,
  loadIdxFolder,
  loadImageFolder,
  loadTensors,
  parseCsv,
  partitionIid,
  subset,
  tableText,
} from '../learning/index.ts'
import {
  answersOf,
  arrayReading,
  labelReading,
  rowsOfInput,
  type ServiceInput,
  type ServiceTask,
} from '../versions/index.ts'
import { inferTable, type TableOptions } from './table.ts'
import { inferTensor, type TensorOptions } from './tensor.ts'

export type Sample = {
  /** The training part, and the part that judges. */
  readonly train: Dataset
  readonly test: Dataset
  readonly input: ServiceInput
  readonly task: ServiceTask
}

/** One in this many samples judges, if the data has no test part of its own. */
const JUDGING = 5

export type SampleOptions = TableOptions & TensorOptions

/**
 * A CSV file, a file of arrays or a folder of .npy files, a folder of IDX files, a folder with one sub-folder of pictures for each
 * class, or digits where there is no path.
 * @throws LearningError DATA_NOT_FOUND, BAD_DATA, EMPTY_SHARD
 */
export async function readSample(path: string | null, options: SampleOptions = {}): Promise<Sample> {
  if (path === null) {
    const { train, test } = await loadDigits({ offline: true })
    return pictures(train, test)
  }
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new LearningError('DATA_NOT_FOUND', `cannot read ${path}: ${cause.code}`, { cause })
  })
  const names = found.isDirectory() ? await readdir(path) : []
  if (isArrayFile(path, names)) return await tensors(path, options)
  if (options.array !== undefined) {
    throw new LearningError(
      'BAD_PARAMETERS',
      `${path}: --array is about files of arrays (.npz, .npy, .safetensors, .json)`,
    )
  }
  if (!found.isDirectory()) {
    const text = tableText(await readFile(path), path)
    const { input, task } = inferTable(text, path, options)
    const names = answersOf(task)
    const schema = {
      ...rowsOfInput(input)!,
      ...labelReading(task),
      ...(typeof names === 'number' ? {} : { classes: [...names] }),
    }
    return { input, task, ...split(parseCsv(text, schema, basename(path))) }
  }
  const flag = (['target', 'ignore', 'text', 'task', 'unit', 'loss', 'separator'] as const).find(
    (key) => options[key] !== undefined,
  )
  if (flag !== undefined) {
    throw new LearningError('BAD_PARAMETERS', `${path}: --${flag} is about the columns of a CSV file`)
  }
  if (names.some((name) => name.startsWith('train-images'))) {
    const { train, test } = await loadIdxFolder(path)
    return test === null ? pictures(...pairOf(train)) : pictures(train, test)
  }
  if (names.includes('train') && names.includes('test')) {
    const train = await loadImageFolder(join(path, 'train'))
    return pictures(train, await loadImageFolder(join(path, 'test'), { classes: train.classNames ?? [] }))
  }
  return pictures(...pairOf(await loadImageFolder(path)))
}

async function tensors(path: string, options: SampleOptions): Promise<Sample> {
  const flag = (['ignore', 'text', 'separator'] as const).find((key) => options[key] !== undefined)
  if (flag !== undefined) {
    throw new LearningError('BAD_PARAMETERS', `${path}: --${flag} is about the columns of a CSV file`)
  }
  const { input, task } = await inferTensor(path, options)
  const names = answersOf(task)
  const answers = { ...arrayReading(task), ...(typeof names === 'number' ? {} : { classes: names }) }
  const { array, label, numbers, scale, shape } = input
  return { input, task, ...split(await loadTensors(path, { array, label, numbers, scale, answers }, shape)) }
}

function pictures(train: Dataset, test: Dataset): Sample {
  const [height, width, channels = 1] = train.inputShape
  const classes = train.classNames ?? Array.from({ length: train.classes }, (_, label) => String(label))
  return {
    train,
    test,
    task: { kind: 'classification', classes: [...classes] },
    input: { kind: 'picture', shape: [height!, width!, channels] },
  }
}

function pairOf(all: Dataset): [Dataset, Dataset] {
  const { train, test } = split(all)
  return [train, test]
}

/** Splits off the judging part. Files are often sorted by label, so both parts get a mix. */
function split(all: Dataset): { train: Dataset; test: Dataset } {
  if (all.count < 10 * JUDGING) {
    throw new LearningError(
      'EMPTY_SHARD',
      `${all.name}: ${all.count} samples; at least ${10 * JUDGING} are needed to calibrate`,
    )
  }
  const [judging, ...rest] = partitionIid(all, { parts: JUDGING, seed: 1 }).shards
  return { test: subset(all, judging!), train: subset(all, Uint32Array.from(rest.flatMap((part) => [...part]))) }
}

/** The first `count` samples of a dataset as lists of real numbers, with their labels and targets. */
export function rowsOf(
  data: Dataset,
  limit: number,
): { inputs: Float64Array[]; labels: number[]; targets: Float32Array[] } {
  const size = data.inputs.length / data.count
  const count = Math.min(limit, data.count)
  return {
    inputs: Array.from({ length: count }, (_, row) =>
      Float64Array.from(data.inputs.subarray(row * size, (row + 1) * size), (value) => value * data.scale),
    ),
    labels: Array.from(data.labels.subarray(0, count)),
    targets: Array.from({ length: data.targets === undefined ? 0 : count }, (_, row) => {
      const outputs = data.targets!.length / data.count
      return data.targets!.subarray(row * outputs, (row + 1) * outputs)
    }),
  }
}
