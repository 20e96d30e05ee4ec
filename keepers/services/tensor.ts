// SPDX-License-Identifier: GPL-3.0-or-later
// Describes a file's arrays, so that all members read theirs in the same way.
import { basename, extname } from 'node:path'
import { checkValues, LearningError, lastSide, openArrays, placeIn, type StoredArray } from '../learning/index.ts'
import type { ServiceInput, ServiceTask } from '../versions/index.ts'
import { inferTask, type TaskOptions } from './answers.ts'
import { scaleOf } from './columns.ts'

type TensorInput = Extract<ServiceInput, { kind: 'tensor' }>

export type TensorOptions = TaskOptions & {
  /** Name of the array of the samples; `x` unless told, of an .npy file its own name. */
  readonly array?: string
  /** Name of the array of the labels; `y` unless told. */
  readonly target?: string
}

const [SAMPLES, LABELS] = ['x', 'y']
const MOST_AXES = 3
/** A last axis of at most this length is taken for channels with a scale each, like the colours of a picture. */
const MOST_CHANNELS = 16
/** Factor by which a value may be further from the mean than in the sample. */
const REACH = 1.25
/** All values share the steps of a proof's input. Values that are hardly ever non-zero would otherwise stretch the range and leave the others few steps. */
const MOST_DEVIATIONS = 6

/**
 * Shape, scaling, range and task of the samples.
 * @throws LearningError BAD_DATA naming file, array, index and the fix
 */
export async function inferTensor(
  path: string,
  options: TensorOptions = {},
): Promise<{ readonly input: TensorInput; readonly task: ServiceTask }> {
  const file = await openArrays(path)
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${file.name}: ${what}`)
  }
  const own = extname(path).toLowerCase() === '.npy' ? basename(path, extname(path)) : SAMPLES
  const array = options.array ?? own
  const label = options.target ?? LABELS
  for (const [flag, name] of [
    ['--array', array],
    ['--target', label],
  ] as const) {
    if (!file.names.includes(name))
      bad(`no array '${name}'; it has ${file.names.join(', ') || 'none'}: name one by ${flag}`)
  }
  if (array === label) bad(`'${array}' cannot be both samples and labels: name another by --array or --target`)
  const samples = await file.array(array)
  const [count = 0, ...rest] = samples.shape
  // Two axes are a picture without colours, or a series with channels: networks take them with a last axis of length one.
  const shape = rest.length === 0 ? [1] : rest.length === 2 ? [...rest, 1] : rest
  if (samples.kind === 'text') bad(`'${array}' is of texts, takes numbers: texts are read from a CSV file (--text)`)
  if (count === 0 || shape.includes(0)) bad(`'${array}' is an array of [${samples.shape}]: there are no samples`)
  if (shape.length > MOST_AXES) bad(`'${array}' has samples of ${shape.length} axes, at most ${MOST_AXES} are read`)
  checkValues(samples, `${file.name}: '${array}'`)
  const input: TensorInput = {
    ...{ kind: 'tensor', shape, array, label },
    numbers: samples.kind === 'integer' ? 'integer' : 'float',
    scale: scaleOfArray(samples, shape, (at, value) =>
      bad(
        `${array}[${at}] is ${value}, ${Number.isFinite(value) ? 'beyond what a 32-bit float holds' : 'not a finite number'}: ` +
          'leave the sample out, or fill it in',
      ),
    ),
  }
  return { input, task: taskOf(await file.array(label), count, label, options, bad) }
}

function scaleOfArray(
  { shape: whole, type, number }: StoredArray,
  shape: readonly number[],
  bad: (at: string, value: number) => never,
): TensorInput['scale'] {
  const values = whole.reduce((product, side) => product * side, 1)
  const last = lastSide(shape)
  const entries = shape.length === 1 || last <= MOST_CHANNELS ? last : 1
  for (let i = 0; i < values; i++) {
    const value = number(i)
    if (!Number.isFinite(Math.fround(value))) bad(placeIn(i, shape), value)
  }
  // Bytes and booleans have a known range, whatever part of it the sample covers.
  const top = /^(\|u1|U8)$/.test(type) ? 255 : /^(\|b1|BOOL)$/.test(type) ? 1 : null
  if (top !== null) return [{ mean: 0, deviation: top, min: 0, max: top }]
  return Array.from({ length: entries }, (_, entry) => {
    const found = Float64Array.from({ length: values / entries }, (_, i) => number(entry + i * entries))
    const { mean, deviation } = scaleOf(found)
    const furthest = found.reduce((most, value) => Math.max(most, Math.abs(value - mean)), 0)
    return rangeOf(found, mean, Math.max(deviation, roundedUp(furthest / MOST_DEVIATIONS)))
  })
}

/** To two digits. */
function roundedUp(value: number): number {
  if (value === 0) return 0
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1)
  return Number((Math.ceil(value / unit) * unit).toPrecision(12))
}

/** The range, rounded outwards to tenths of the deviation: it is public, and so it reveals less of the samples. */
function rangeOf(values: Float64Array, mean: number, deviation: number) {
  let [least, most] = [mean, mean]
  for (const value of values) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  const tenths = (value: number): number => (10 * REACH * (value - mean)) / deviation
  const at = (reach: number): number => Number((mean + (reach * deviation) / 10).toPrecision(12))
  // A constant gets some room, too.
  return {
    mean,
    deviation,
    min: at(Math.min(-1, Math.floor(tenths(least)))),
    max: at(Math.max(1, Math.ceil(tenths(most)))),
  }
}

function taskOf(
  labels: StoredArray,
  count: number,
  label: string,
  options: TensorOptions,
  bad: (what: string) => never,
): ServiceTask {
  const [found, width = 1, ...more] = labels.shape
  if (found !== count) bad(`'${label}' has ${found ?? 'no'} labels for ${count} samples`)
  if (more.length > 0) bad(`'${label}' is an array of [${labels.shape}], takes [${count}], or a column for each class`)
  if (width === 1) {
    if (options.task === 'labels') bad(`--task labels: '${label}' takes a column of 0 and 1 for each label`)
    const texts = Array.from({ length: count }, (_, i) => labels.text(i))
    return inferTask(texts, { all: `array '${label}'`, place: (row) => `${label}[${row}]` }, options, bad)
  }
  for (const flag of ['unit', 'loss', 'balance'] as const) {
    if (options[flag] !== undefined) bad(`--${flag}: '${label}' has ${width} columns, and it is about one`)
  }
  if (options.task === 'regression') bad(`'${label}' has ${width} columns, an amount is one`)
  const names = Array.from({ length: width }, (_, column) => String(column))
  let single = true
  for (let row = 0; row < count; row++) {
    let sum = 0
    for (let column = 0; column < width; column++) {
      const one = labels.number(row * width + column)
      if (one !== 0 && one !== 1) bad(`${label}[${row}, ${column}] is ${one}: columns of labels are of 0 and 1`)
      sum += one
    }
    single &&= sum === 1
  }
  // If each row has exactly one 1, it marks the class.
  return single && options.task !== 'labels'
    ? { kind: 'classification', classes: names }
    : { kind: 'labels', labels: names, separator: '|' }
}
