// SPDX-License-Identifier: GPL-3.0-or-later
// Samples that are arrays of one shape, with the scaling and the range that all parties have agreed on.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { Dataset } from '../types.ts'
import type { ArrayFile } from './array-bytes.ts'
import { openArrays } from './arrays.ts'
import { createDataset, type DatasetParts } from './dataset.ts'
import { checkValues, type StoredArray } from './npy.ts'

const name = z.string().min(1).max(200)

/** Of one tensor; parties that state the same read alike. */
export const tensorSchema = z.strictObject({
  /** Name of the array of the samples, along its first axis. */
  array: name,
  /** Name of the array of the labels. */
  label: name,
  /** Whole numbers, of any integer type, or any. Bytes that somebody has divided by 255 already would pass for dark ones. */
  numbers: z.enum(['integer', 'float']),
  /**
   * What the model gets is (value − mean) / deviation, of values from `min` to `max`: one entry for all values, or one for each
   * place along the last axis that has more than one.
   */
  scale: z
    .array(z.strictObject({ mean: z.number(), deviation: z.number().positive(), min: z.number(), max: z.number() }))
    .min(1),
})
export type TensorTerms = z.infer<typeof tensorSchema>

/** What the labels may be; as a table's. */
export type TensorAnswers = {
  /** In the order of the model's outputs. */
  readonly classes?: readonly string[]
  readonly target?: { readonly mean: number; readonly deviation: number }
  /** Any number of the classes: a row of 0 and 1 for each sample. */
  readonly several?: boolean
}

/** Places along the last axis; an axis of one, which networks of pictures take for channels, is none. */
export function lastSide(shape: readonly number[]): number {
  return shape.findLast((side) => side > 1) ?? 1
}

/** Why the parts do not fit together, naming the part; null when they do. */
export function contradictionInTensor({ array, label, scale }: TensorTerms, shape: readonly number[]): string | null {
  if (array === label) return `label: '${label}' is also the array of the samples`
  const last = lastSide(shape)
  if (scale.length !== 1 && scale.length !== last) {
    return `scale: ${scale.length} entries for the ${last} places of the last axis: takes 1 or ${last}`
  }
  for (const [i, { mean, deviation, min, max }] of scale.entries()) {
    if (min >= max) return `scale.${i}: min ${min} is not below max ${max}`
    // Models take 32-bit floats, of which the largest is some 3.4e38: what is beyond would be infinite, and no loss is after it.
    const wide = [min, max].find((value) => !Number.isFinite(Math.fround((value - mean) / deviation)))
    if (wide !== undefined) return `scale.${i}: (${wide} − ${mean}) / ${deviation} is beyond what a 32-bit float holds`
  }
  return null
}

/**
 * Reads the samples of a file, their labels with them.
 * @param shape of one sample
 * @throws LearningError DATA_NOT_FOUND, BAD_DATA naming file, array and index, and what would do
 */
export async function loadTensors(
  path: string,
  { answers, ...terms }: TensorTerms & { readonly answers: TensorAnswers },
  shape: readonly number[],
): Promise<Dataset> {
  const file = await openArrays(path)
  const samples = await samplesOf(file, terms.array, shape)
  const count = samples.shape[0]!
  const size = shape.reduce((product, side) => product * side, 1)
  // It refuses texts, which may be of no bytes and any number, before there is memory for them.
  const read = valueReader(samples, terms, shape, `${file.name}: ${terms.array}`)
  checkValues(samples, `${file.name}: '${terms.array}'`)
  const inputs = new Float32Array(count * size)
  for (let i = 0; i < inputs.length; i++) inputs[i] = read(i)
  const labels = readAnswers(await file.array(terms.label), count, answers, `${file.name}: ${terms.label}`)
  return createDataset({ name: file.name, origin: 'tensor', inputShape: shape, inputs, ...labels })
}

/** The model's input for one sample, of a file that may lack the labels. @param row from 1 */
export async function tensorSample(
  path: string,
  terms: TensorTerms,
  shape: readonly number[],
  row: number,
): Promise<number[]> {
  return await sampleIn(await openArrays(path), terms, shape, row)
}

/** The same of a file that is open. @param row from 1 */
export async function sampleIn(
  file: ArrayFile,
  terms: TensorTerms,
  shape: readonly number[],
  row: number,
): Promise<number[]> {
  const samples = await samplesOf(file, terms.array, shape)
  const count = samples.shape[0]!
  if (!(Number.isInteger(row) && row >= 1 && row <= count))
    throw new LearningError('BAD_DATA', `${file.name}: no sample ${row} in '${terms.array}'; it has ${count}`)
  const size = shape.reduce((product, side) => product * side, 1)
  const read = valueReader(samples, terms, shape, `${file.name}: ${terms.array}`)
  return Array.from({ length: size }, (_, i) => Math.fround(read((row - 1) * size + i)))
}

function withoutLastOnes(shape: readonly number[]): readonly number[] {
  return shape.slice(0, shape.findLastIndex((side) => side !== 1) + 1)
}

/** An array of samples; axes of one at the end of a sample's shape may be missing. */
async function samplesOf(file: ArrayFile, array: string, shape: readonly number[]): Promise<StoredArray> {
  const samples = await file.array(array)
  const [count, ...found] = samples.shape
  if (count === undefined || `${withoutLastOnes(found)}` !== `${withoutLastOnes(shape)}`) {
    throw new LearningError(
      'BAD_DATA',
      `${file.name}: '${array}' is an array of [${samples.shape}], takes [samples, ${shape.join(', ')}]`,
    )
  }
  if (count === 0) throw new LearningError('BAD_DATA', `${file.name}: '${array}' has no samples`)
  return samples
}

/** Reads, checks and scales value `i` of an array of samples. */
function valueReader(
  { kind, type, number }: StoredArray,
  { numbers, scale }: TensorTerms,
  shape: readonly number[],
  where: string,
): (i: number) => number {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}${what}`)
  }
  if (kind === 'text') bad(` is of texts (${type}), takes numbers`)
  if (numbers === 'integer' && kind !== 'integer') {
    bad(` is of ${type}, takes whole numbers: save the values as they were before they were scaled, of an integer type`)
  }
  const last = lastSide(shape)
  return (i) => {
    const value = number(i)
    const entry = scale.length === 1 ? 0 : i % last
    const { mean, deviation, min, max } = scale[entry]!
    if (value >= min && value <= max) return (value - mean) / deviation
    if (!Number.isFinite(value))
      return bad(`[${placeIn(i, shape)}] is ${value}, not a finite number: leave the sample out, or fill it in`)
    return bad(
      `[${placeIn(i, shape)}] is ${value}, takes ${min} to ${max} (input.scale.${entry}): leave the sample out, or correct it`,
    )
  }
}

/** Value `i` of an array of samples as NumPy counts it. */
export function placeIn(i: number, shape: readonly number[]): string {
  const index: number[] = []
  let rest = i
  for (const side of shape.toReversed()) {
    index.unshift(rest % side)
    rest = Math.floor(rest / side)
  }
  return [rest, ...index].join(', ')
}

type Answers = Pick<DatasetParts, 'labels' | 'classes' | 'classNames' | 'targets'>

function readAnswers(
  { shape, kind, type, number, text }: StoredArray,
  count: number,
  { classes, target, several }: TensorAnswers,
  where: string,
): Answers {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}${what}`)
  }
  const [found, width = 1, ...more] = shape
  const columns = classes?.length ?? 1
  if (found !== count) bad(` has ${found ?? 'no'} labels for ${count} samples`)
  const rows = several === true || (target === undefined && width === columns && width > 1)
  if (more.length > 0 || width !== (rows ? columns : 1)) {
    bad(` is an array of [${shape}], takes [${several === true ? `${count}, ${columns}` : count}]`)
  }
  if (target !== undefined) {
    const targets = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      const amount = number(i)
      if (!Number.isFinite(amount))
        bad(`[${i}] is ${kind === 'text' ? JSON.stringify(text(i)) : amount}, not a finite number`)
      targets[i] = (amount - target.mean) / target.deviation
      if (!Number.isFinite(targets[i])) bad(`[${i}] is ${amount}, beyond what a 32-bit float holds after scaling`)
    }
    return { labels: new Uint16Array(count), classes: 1, targets }
  }
  const classNames = classes ?? bad(' needs the names of the classes, in their order')
  if (rows) {
    if (kind === 'text') bad(` is of texts (${type}), takes 0 and 1`)
    const targets = new Float32Array(count * columns)
    for (let i = 0; i < targets.length; i++) {
      const one = number(i)
      if (one !== 0 && one !== 1) bad(`[${Math.floor(i / columns)}, ${i % columns}] is ${one}, takes 0 or 1`)
      targets[i] = one
    }
    if (several === true) return { labels: new Uint16Array(count), classes: columns, classNames, targets }
    const labels = Array.from({ length: count }, (_, row) => {
      const marks = targets.subarray(row * columns, (row + 1) * columns)
      const sum = marks.reduce((all, one) => all + one, 0)
      return sum === 1 ? marks.indexOf(1) : bad(`[${row}] marks ${sum} classes, takes one`)
    })
    return { labels, classes: columns, classNames }
  }
  const places = new Map(classNames.map((one, place) => [one, place]))
  const labels = Array.from({ length: count }, (_, i) => {
    const label = text(i)
    return places.get(label) ?? bad(`[${i}] is ${JSON.stringify(label)}, not one of ${classNames.join(', ')}`)
  })
  return { labels, classes: columns, classNames }
}
