// SPDX-License-Identifier: GPL-3.0-or-later
// Models on disk in tfjs LayersModel form (model.json + weights.bin), without tfjs-node's file handler.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { parseJson } from '../json.ts'
import type { Model } from '../types.ts'
import { parseModelSpec } from './spec.ts'
import { checkVector, flatten } from './vector.ts'

const JSON_FILE = 'model.json'
const WEIGHTS_FILE = 'weights.bin'
const LARGEST_JSON = 16 << 20

/** The model.json object. Its weights are the little-endian float32 values of the flat vector, in order. */
export function modelJson(model: Model): Record<string, unknown> {
  return {
    format: 'layers-model',
    generatedBy: 'cohort',
    convertedBy: null,
    modelTopology: model.spec.topology,
    weightsManifest: [
      {
        paths: [WEIGHTS_FILE],
        weights: model.spec.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  }
}

/** Writes `directory`/model.json and weights.bin, each whole and then renamed. Throws BAD_VECTOR before writing anything. */
export async function saveModel(model: Model, directory: string): Promise<void> {
  checkVector(model.spec, model.weights)
  await mkdir(directory, { recursive: true })
  const { buffer, byteOffset, byteLength } = model.weights
  // Weights first, so that a new model.json is never next to old weights.
  await replace(join(directory, WEIGHTS_FILE), new Uint8Array(buffer, byteOffset, byteLength))
  await replace(join(directory, JSON_FILE), `${JSON.stringify(modelJson(model), null, 2)}\n`)
}

async function replace(file: string, content: Uint8Array | string): Promise<void> {
  await writeFile(`${file}.part`, content)
  await rename(`${file}.part`, file)
}

const manifestSchema = z.looseObject({
  weightsManifest: z
    .array(
      z.looseObject({
        // Names inside the directory only: a model file must not make us read elsewhere.
        paths: z.array(z.string().regex(/^[\w-][\w.-]*$/, 'must be a plain file name')).min(1),
        weights: z.array(
          z.looseObject({
            name: z.string().min(1),
            shape: z.array(z.number().int().min(1)),
            dtype: z.literal('float32', { error: 'only float32 weights are supported here' }),
            quantization: z.undefined({ error: 'quantised weights are not supported here' }).optional(),
          }),
        ),
      }),
    )
    .min(1),
})

/** Reads what `saveModel` (or tfjs) wrote. Throws BAD_MODEL naming the file and what does not fit. */
export async function loadModel(directory: string): Promise<Model> {
  const file = join(directory, JSON_FILE)
  let json: unknown
  try {
    const text = await readFile(file, 'utf8')
    if (text.length > LARGEST_JSON) throw new Error(`${text.length} characters are too many`)
    json = parseJson(text)
  } catch (cause) {
    throw new LearningError('BAD_MODEL', `${file}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
  const spec = await parseModelSpec(json)
  const manifest = manifestSchema.safeParse(json)
  if (!manifest.success) {
    const issue = manifest.error.issues[0]!
    throw new LearningError('BAD_MODEL', `${file}: ${issue.path.join('.')}: ${issue.message}`)
  }
  const tensors = new Map<string, Float32Array>()
  for (const group of manifest.data.weightsManifest) {
    const bytes = Buffer.concat(await Promise.all(group.paths.map((path) => readFile(join(directory, path)))))
    let at = 0
    for (const { name, shape } of group.weights) {
      const length = 4 * shape.reduce((a, b) => a * b, 1)
      if (at + length > bytes.length) {
        throw new LearningError('BAD_MODEL', `${group.paths.join(', ')}: cut off at ${bytes.length} bytes, in ${name}`)
      }
      const expected = spec.parameters.find((parameter) => parameter.name === name)
      if (expected === undefined) throw new LearningError('BAD_MODEL', `${file}: no layer has a parameter ${name}`)
      if (`${shape}` !== `${expected.shape}`) {
        throw new LearningError(
          'BAD_MODEL',
          `${file}: ${name} is stored as [${shape}], the layer has [${expected.shape}]`,
        )
      }
      tensors.set(name, new Float32Array(new Uint8Array(bytes.subarray(at, at + length)).buffer))
      at += length
    }
    if (at !== bytes.length) {
      throw new LearningError(
        'BAD_MODEL',
        `${group.paths.join(', ')}: ${bytes.length} bytes, but the manifest lists ${at}`,
      )
    }
  }
  return { spec, weights: flatten(spec, tensors) }
}
