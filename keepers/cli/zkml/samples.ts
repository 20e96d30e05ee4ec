// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs from files: JSON, or IDX images (MNIST and its relatives, gzipped or not), read as value / 255.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { ContentSignature, IntegerProgram, Salts, Sample } from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import { badData, usage } from './terminal.ts'

export type SampleSet = { readonly inputs: readonly Float64Array[]; readonly labels?: readonly number[] }

type Nested = readonly (number | Nested)[]
export const nested: z.ZodType<Nested> = z.lazy(() => z.array(z.union([z.number(), nested])))

const setSchema = z.strictObject({
  inputs: z.array(nested).min(1),
  labels: z.array(z.int().nonnegative()).optional(),
})

const natural = z
  .string()
  .regex(/^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/, 'no decimal or 0x… number')
  .transform(BigInt)
/** Salts of several inputs or outputs, by their names. */
const partSalts = z
  .array(z.strictObject({ name: z.string(), salt: natural }))
  .transform((list) => new Map(list.map(({ name, salt }) => [name, salt])))
  .optional()
const point = z.tuple([natural, natural])
const signedSchema = z.strictObject({
  tag: natural,
  publicKey: point,
  signature: z.strictObject({ R: point, S: natural }),
})

const inputSchema = z.union([
  nested.transform((input) => ({ input, integers: false, salts: undefined, signed: undefined })),
  z.strictObject({
    input: nested,
    /** The numbers are the program's integers, not real values. */
    integers: z.boolean().default(false),
    /** Decimal or 0x…: the salts of earlier commitments to the same input or output. */
    salts: z
      .strictObject({ input: natural.optional(), output: natural.optional(), inputs: partSalts, outputs: partSalts })
      .optional(),
    /** The output of `cohort zkml sign`: a publisher's signature of this input under its salt. */
    signed: signedSchema.optional(),
  }),
])

/** Samples for calibration, checked against the network's input shape where it is given: `{"inputs": […], "labels": […]}`, or IDX images with IDX labels. */
export async function readSamples(
  path: string,
  labelsPath: string | undefined,
  count: number,
  shape?: readonly number[],
): Promise<SampleSet> {
  if (path.endsWith('.json')) {
    if (labelsPath !== undefined) throw usage('--labels belongs to IDX images; a JSON file holds its own labels')
    const { inputs, labels } = parse(setSchema, await readJson(path), path)
    if (labels !== undefined && labels.length !== inputs.length) {
      throw badData(`${path}: ${inputs.length} inputs and ${labels.length} labels`)
    }
    const kept = inputs.slice(0, count).map((input, i) => flatten(input, shape, `${path}: sample ${i}`))
    return labels === undefined ? { inputs: kept } : { inputs: kept, labels: labels.slice(0, count) }
  }
  const { parseIdx } = await import('../../learning/index.ts')
  const images = parseIdx(await readFile(path), path)
  const total = images.dimensions[0]!
  const inputs = Array.from({ length: Math.min(count, total) }, (_, i) => image(images.values, total, i))
  if (labelsPath === undefined) return { inputs }
  const labels = parseIdx(await readFile(labelsPath), labelsPath)
  if (labels.dimensions.length !== 1 || labels.dimensions[0] !== total) {
    throw badData(`${labelsPath} does not label the ${total} images of ${path}`)
  }
  return { inputs, labels: Array.from(labels.values.subarray(0, inputs.length)) }
}

export type InputFile = {
  readonly input: Float64Array
  readonly integers: boolean
  readonly salts: Omit<Salts, 'model'>
  readonly signed?: ContentSignature
}

/** Writes an input file of fullprove that only its owner can read: integers, with salts and signature if there are any. */
export async function writeInput(path: string, sample: Omit<Sample, 'context'>): Promise<void> {
  const { writeAtomically } = await import('../../zkml/index.ts')
  const hex = (value: bigint) => `0x${value.toString(16)}`
  const { input, signed } = sample
  const { model: _, ...salts } = sample.salts ?? {}
  const file = {
    input: Array.from(input),
    integers: true,
    salts: Object.fromEntries(
      Object.entries(salts).map(([name, salt]) => [
        name,
        typeof salt === 'bigint' ? hex(salt) : Array.from(salt, ([part, each]) => ({ name: part, salt: hex(each) })),
      ]),
    ),
    signed: signed && {
      tag: hex(signed.tag),
      publicKey: signed.publicKey.map(hex),
      signature: { R: signed.signature.R.map(hex), S: hex(signed.signature.S) },
    },
  }
  await writeAtomically(path, `${JSON.stringify(file)}\n`, 0o600)
}

/** One input to prove: a JSON list, `{"input": […], "salts": …}`, or image `index` of an IDX file. */
export async function readInput(
  path: string,
  index: number | undefined,
  shape?: readonly number[],
): Promise<InputFile> {
  if (path.endsWith('.json')) {
    if (index !== undefined) throw usage('--index belongs to IDX images')
    const { input, integers, salts, signed } = parse(inputSchema, await readJson(path), path)
    return {
      input: flatten(input, shape, path),
      integers,
      salts: Object.fromEntries(Object.entries(salts ?? {}).filter(([, salt]) => salt !== undefined)),
      ...(signed === undefined ? {} : { signed }),
    }
  }
  const { parseIdx } = await import('../../learning/index.ts')
  const images = parseIdx(await readFile(path), path)
  const total = images.dimensions[0]!
  if (index === undefined || index >= total) throw usage(`${path} holds ${total} images; --index 0 to ${total - 1}`)
  return { input: image(images.values, total, index), integers: false, salts: {} }
}

function image(values: Uint8Array, total: number, index: number): Float64Array {
  const size = values.length / total
  return Float64Array.from(values.subarray(index * size, (index + 1) * size), (byte) => byte / 255)
}

/**
 * Accepts a flat list of numbers, or nested lists in the network's shape, with or without a batch of 1 around them. The shape is checked because
 * [channels][height][width] is not [height][width][channels]. A flat list does not show its order.
 */
export function flatten(values: Nested, shape?: readonly number[], what = 'input'): Float64Array {
  const found = shapeOf(values)
  if (found === null) throw badData(`${what}: its lists differ in length`)
  // Axes of length 1 do not show the order, and a flat list does not show the shape.
  const [given, wanted] = [found, shape ?? []].map((list) => list.filter((length) => length !== 1))
  const fits = given!.length === wanted!.length && given!.every((length, axis) => length === wanted![axis])
  if (shape !== undefined && given!.length > 1 && !fits)
    throw badData(`${what}: lists of shape [${found}], the network takes [${shape}]`)
  return Float64Array.from((values as unknown[]).flat(Number.POSITIVE_INFINITY) as number[])
}

/** Lengths of nested lists; null when the lists are ragged. */
function shapeOf(values: Nested): number[] | null {
  const [first] = values
  if (!Array.isArray(first)) return values.some(Array.isArray) ? null : [values.length]
  const inner = shapeOf(first as Nested)
  if (inner === null) return null
  for (const each of values) {
    const own = Array.isArray(each) ? shapeOf(each as Nested) : null
    if (own === null || own.length !== inner.length || own.some((length, i) => length !== inner[i])) return null
  }
  return [values.length, ...inner]
}

/** Shape of a program's input. */
export function inputShapeOf(program: IntegerProgram): readonly number[] {
  return program.tensors.find(({ id }) => id === program.input.tensor)!.shape
}

export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  try {
    return parseJson(text)
  } catch (error) {
    // Node quotes the text around the mistake, and the file may be secret.
    throw badData(`${path}: ${(error as Error).message.replace(/, [."].*(?= is not valid JSON)/s, '')}`)
  }
}

export function parse<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json)
  if (!result.success) throw badData(`${path}: ${z.prettifyError(result.error)}`)
  return result.data
}
