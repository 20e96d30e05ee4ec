// SPDX-License-Identifier: GPL-3.0-or-later
// The client's model, with integer weights that add up. Designed from noisy marginals, it is naive Bayes, which needs nothing else.
import { z } from 'zod'
import { poseidonChain } from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import { CensusError } from './errors.ts'
import { headersOf, marksOf, pairsOf, type TableShape, widthsOf } from './schema.ts'

export const WEIGHT_BITS = 12
const MAX_WEIGHT = 2 ** (WEIGHT_BITS - 1) - 1
/** Units of a weight in one nat of log odds. */
const SCALE = 256

/** The bias, then a weight for each value of each column except the target, in [−2^11, 2^11). Predicts 1 if the sum is at least 0. */
export type AdditiveModel = { readonly weights: readonly number[] }

export const weightCount = (shape: TableShape): number => 1 + marksOf(shape) - widthsOf(shape)[shape.target]!

const fileSchema = z.strictObject({
  format: z.literal('cohort-additive-model'),
  version: z.literal(1),
  weights: z.array(
    z
      .int()
      .min(-MAX_WEIGHT - 1)
      .max(MAX_WEIGHT),
  ),
})

/** @throws CensusError bad-data that names the field, its value and the bound */
export function parseModel(shape: TableShape, text: string): AdditiveModel {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new CensusError('bad-data', `the model is not JSON: ${(error as Error).message}`, { cause: error })
  }
  const parsed = fileSchema.safeParse(json)
  if (!parsed.success) throw new CensusError('bad-data', `the model: ${z.prettifyError(parsed.error)}`)
  return checked(shape, parsed.data.weights)
}

export function modelText({ weights }: AdditiveModel): string {
  return `${JSON.stringify({ format: 'cohort-additive-model', version: 1, weights })}\n`
}

function checked(shape: TableShape, weights: readonly number[]): AdditiveModel {
  const count = weightCount(shape)
  if (weights.length !== count)
    throw new CensusError('bad-data', `the model has ${weights.length} weights, one for this table has ${count}`)
  const wrong = weights.findIndex(
    (weight) => !Number.isInteger(weight) || weight < -MAX_WEIGHT - 1 || weight > MAX_WEIGHT,
  )
  if (wrong >= 0)
    throw new CensusError(
      'bad-data',
      `weights[${wrong}] is ${weights[wrong]}, a whole number from ${-MAX_WEIGHT - 1} to ${MAX_WEIGHT} is needed`,
    )
  return { weights }
}

/** The label that the model predicts. @param row values of all columns; the target's is ignored */
export function predict(shape: TableShape, { weights }: AdditiveModel, row: readonly number[]): 0 | 1 {
  let [sum, at] = [weights[0]!, 1]
  for (const [c, width] of widthsOf(shape).entries()) {
    if (c === shape.target) continue
    sum += weights[at + row[c]!]!
    at += width
  }
  return sum >= 0 ? 1 : 0
}

/** Field elements of the weights, as a request carries them. */
export function packModel({ weights }: AdditiveModel): bigint[] {
  const perElement = Math.floor(253 / WEIGHT_BITS)
  return Array.from({ length: Math.ceil(weights.length / perElement) }, (_, e) =>
    weights
      .slice(e * perElement, (e + 1) * perElement)
      .reduceRight((element, weight) => (element << BigInt(WEIGHT_BITS)) | BigInt(weight + MAX_WEIGHT + 1), 0n),
  )
}

/** @throws CensusError bad-data for elements that no weights pack to */
export function unpackModel(shape: TableShape, elements: readonly bigint[]): AdditiveModel {
  const perElement = Math.floor(253 / WEIGHT_BITS)
  const weights = Array.from({ length: weightCount(shape) }, (_, w) => {
    const element = elements[Math.floor(w / perElement)] ?? 0n
    return Number(BigInt.asUintN(WEIGHT_BITS, element >> BigInt(WEIGHT_BITS * (w % perElement)))) - MAX_WEIGHT - 1
  })
  const model = { weights }
  const again = packModel(model)
  if (again.length !== elements.length || again.some((element, e) => element !== elements[e]))
    throw new CensusError('bad-data', 'the request carries no weights of a model for this table')
  return model
}

/** The commitment that names the model in a request and in proofs. It has no salt, because the sender does not hide the model. */
export function commitModel(shape: TableShape, model: AdditiveModel): bigint {
  return poseidonChain(headersOf(shape).model, [0n, ...packModel(model)])
}

/**
 * Naive Bayes from noisy marginals: weights are log ratios of frequencies, with `smoothing` added to each count and none below it, so that
 * noise on small cells neither makes a logarithm of a negative number nor decides alone. Reads nothing but the released counts, and so costs
 * no privacy.
 */
export function designModel(shape: TableShape, cells: readonly number[], smoothing = 20): AdditiveModel {
  const widths = widthsOf(shape)
  const pairs = pairsOf(shape)
  const positive = (count: number) => Math.max(count, 0) + smoothing
  const totals: [number, number] = [0, 0]
  const weights: number[] = []
  let at = 0
  for (const [, column] of pairs) {
    const width = widths[column]!
    const [lower, upper] = [cells.slice(at, at + width), cells.slice(at + width, at + 2 * width)].map((each) =>
      each.map(positive),
    )
    const sums = [lower!, upper!].map((each) => each.reduce((sum, count) => sum + count, 0))
    totals[0] += sums[0]!
    totals[1] += sums[1]!
    for (let v = 0; v < width; v++) weights.push(Math.log(upper![v]! / sums[1]!) - Math.log(lower![v]! / sums[0]!))
    at += 2 * width
  }
  const bias = Math.log(totals[1] / totals[0])
  return checked(
    shape,
    [bias, ...weights].map((weight) => Math.max(-MAX_WEIGHT - 1, Math.min(MAX_WEIGHT, Math.round(SCALE * weight)))),
  )
}
