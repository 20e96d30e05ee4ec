// SPDX-License-Identifier: GPL-3.0-or-later
// A small trained model in one JSON file, weights, seed and figures of its test included: for models that the project
// trains itself, so that anybody can make the very same file again.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { parseJson } from '../json.ts'
import type { Model, ModelSpec } from '../types.ts'
import { specHash } from './spec.ts'
import { checkVector } from './vector.ts'

/** The fields that a kind of model writes to its file besides the weights, with keys in the order of the file. */
export type ModelFileKind<Figures extends z.ZodRawShape> = {
  /** Value of the file's `format`. */
  readonly format: string
  /** Its name in error messages. */
  readonly name: string
  /** The one architecture that the file may hold; its hash is in the file. */
  spec(): ModelSpec
  /** Figures of the test, for whoever reads the file. */
  readonly figures: z.ZodObject<Figures>
}

const headSchema = z.object({
  version: z.literal(1),
  /** Pins the architecture. */
  specHash: z.string(),
  seed: z.number().int(),
  /** Little-endian float32, in base64. */
  weights: z.base64(),
})

/** The text of a model's file. */
export function writeModelFile<Figures extends z.ZodRawShape>(
  kind: ModelFileKind<Figures>,
  model: Model,
  seed: number,
  figures: z.infer<z.ZodObject<Figures>>,
): string {
  const { buffer, byteOffset, byteLength } = model.weights
  const weights = Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  const saved = { format: kind.format, version: 1, specHash: specHash(model.spec), seed, ...figures, weights }
  return `${JSON.stringify(saved, null, 2)}\n`
}

/** The model in the text of a file. @throws LearningError BAD_MODEL naming the field */
export function readModelFile<Figures extends z.ZodRawShape>(kind: ModelFileKind<Figures>, text: string): Model {
  const fail = (what: string): never => {
    throw new LearningError('BAD_MODEL', `${kind.name}: ${what}`)
  }
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    fail((error as Error).message)
  }
  const schema = z.strictObject({ format: z.literal(kind.format), ...headSchema.shape, ...kind.figures.shape })
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return fail(`${issue!.path.join('.') || 'root'}: ${issue!.message}`)
  }
  // Parsed again for the types: TypeScript does not know the fields of a generic shape here.
  const saved = headSchema.parse(parsed.data)
  const spec = kind.spec()
  if (saved.specHash !== specHash(spec)) fail(`specHash ${saved.specHash} is another architecture`)
  const bytes = Uint8Array.from(Buffer.from(saved.weights, 'base64'))
  if (bytes.length !== 4 * spec.parameterCount)
    fail(`weights: ${bytes.length} bytes, expected ${4 * spec.parameterCount}`)
  const weights = new Float32Array(bytes.buffer)
  checkVector(spec, weights)
  return { spec, weights }
}
