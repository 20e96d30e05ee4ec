// SPDX-License-Identifier: GPL-3.0-or-later
// The trained fraud model that the project keeps. `cohort spend train` makes the very same file again.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { checkVector } from '../model/vector.ts'
import type { Model } from '../types.ts'
import { spendSpec, type TrainedSpendModel } from './model.ts'

const FILE = new URL('./spend-fraud.json', import.meta.url)

const share = z.number().min(0).max(1)
const savedSchema = z.strictObject({
  format: z.literal('cohort-spend-model'),
  version: z.literal(1),
  /** Pins the architecture. */
  specHash: z.string(),
  seed: z.number().int(),
  /** On accounts that training never saw, the unseen pattern of theft left out. */
  testAccuracy: share,
  testSpends: z.number().int().positive(),
  /** Of the same: thefts found, owners' own taken for thefts. */
  testRecall: share,
  testFalseAlarms: share,
  /** Little-endian float32, in base64. */
  weights: z.base64(),
})

/** The file of a trained model. */
export function savedSpendModel({ model, test }: TrainedSpendModel, seed: number): string {
  const { buffer, byteOffset, byteLength } = model.weights
  const saved: z.infer<typeof savedSchema> = {
    format: 'cohort-spend-model',
    version: 1,
    specHash: specHash(model.spec),
    seed,
    testAccuracy: test.accuracy,
    testSpends: test.thefts + test.ordinary,
    testRecall: test.recall,
    testFalseAlarms: test.falseAlarms,
    weights: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  }
  return `${JSON.stringify(saved, null, 2)}\n`
}

/** The model that the project keeps, or one from a file's text. @throws LearningError BAD_MODEL naming the field */
export function spendModel(text: string = readFileSync(FILE, 'utf8')): Model {
  const fail = (what: string): never => {
    throw new LearningError('BAD_MODEL', `spend model: ${what}`)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    fail((error as Error).message)
  }
  const parsed = savedSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return fail(`${issue!.path.join('.') || 'root'}: ${issue!.message}`)
  }
  const spec = spendSpec()
  if (parsed.data.specHash !== specHash(spec)) fail(`specHash ${parsed.data.specHash} is another architecture`)
  const bytes = Uint8Array.from(Buffer.from(parsed.data.weights, 'base64'))
  if (bytes.length !== 4 * spec.parameterCount)
    fail(`weights: ${bytes.length} bytes, expected ${4 * spec.parameterCount}`)
  const weights = new Float32Array(bytes.buffer)
  checkVector(spec, weights)
  return { spec, weights }
}
