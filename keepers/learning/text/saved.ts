// SPDX-License-Identifier: GPL-3.0-or-later
// The trained reader of launch news that the project keeps. `cohort story train` makes the very same file again.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { checkVector } from '../model/vector.ts'
import type { Model } from '../types.ts'
import { headlineSpec, type TrainedReader } from './model.ts'

const FILE = new URL('./launch-news.json', import.meta.url)

const savedSchema = z.strictObject({
  format: z.literal('cohort-headline-reader'),
  version: z.literal(1),
  /** Pins the architecture. */
  specHash: z.string(),
  seed: z.number().int(),
  /** On headlines whose phrasing training never saw. */
  testAccuracy: z.number().min(0).max(1),
  testHeadlines: z.number().int().positive(),
  /** Little-endian float32, in base64. */
  weights: z.base64(),
})

/** The file of a trained reader. */
export function savedReader({ model, evaluation }: TrainedReader, seed: number): string {
  const { buffer, byteOffset, byteLength } = model.weights
  const saved: z.infer<typeof savedSchema> = {
    format: 'cohort-headline-reader',
    version: 1,
    specHash: specHash(model.spec),
    seed,
    testAccuracy: evaluation.accuracy,
    testHeadlines: evaluation.count,
    weights: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  }
  return `${JSON.stringify(saved, null, 2)}\n`
}

/** The reader that the project keeps, or one from a file's text. @throws LearningError BAD_MODEL naming the field */
export function launchNewsReader(text: string = readFileSync(FILE, 'utf8')): Model {
  const fail = (what: string): never => {
    throw new LearningError('BAD_MODEL', `headline reader: ${what}`)
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
  const spec = headlineSpec()
  if (parsed.data.specHash !== specHash(spec)) fail(`specHash ${parsed.data.specHash} is another architecture`)
  const bytes = Uint8Array.from(Buffer.from(parsed.data.weights, 'base64'))
  if (bytes.length !== 4 * spec.parameterCount)
    fail(`weights: ${bytes.length} bytes, expected ${4 * spec.parameterCount}`)
  const weights = new Float32Array(bytes.buffer)
  checkVector(spec, weights)
  return { spec, weights }
}
