// SPDX-License-Identifier: GPL-3.0-or-later
// Model files on disk: which format they are in, and where a tfjs model's shards lie.
import { readFile } from 'node:fs/promises'
import { dirname, extname, resolve, sep } from 'node:path'
import { z } from 'zod'
import { CompileError } from '../graph/errors.ts'
import type { Graph } from '../graph/types.ts'
import { importOnnx } from './onnx/import.ts'
import { importTfjs } from './tfjs/import.ts'

const manifestPaths = z.object({ weightsManifest: z.array(z.object({ paths: z.array(z.string()) })) })

/**
 * Reads a model by its extension: `.onnx`, or `.json` (a tfjs model.json, its shards beside it).
 * @throws CompileError for anything wrong with the files; node:fs errors for a path that cannot be read.
 */
export async function importModelFile(path: string): Promise<Graph> {
  const extension = extname(path).toLowerCase()
  if (extension === '.onnx') return importOnnx(await readFile(path))
  if (extension !== '.json')
    throw new CompileError('malformed-file', `${path}: a model is an .onnx file or a tfjs model.json`, { file: path })
  const text = await readFile(path, 'utf8')
  const shards = await readShards(text, dirname(path))
  return importTfjs(text, (name) => shards.get(name))
}

async function readShards(text: string, directory: string): Promise<Map<string, Uint8Array>> {
  const shards = new Map<string, Uint8Array>()
  let json: unknown = null
  try {
    json = JSON.parse(text)
  } catch {
    // The importer says what is wrong with the text.
    return shards
  }
  const parsed = manifestPaths.safeParse(json)
  if (!parsed.success) return shards
  const root = resolve(directory)
  for (const name of parsed.data.weightsManifest.flatMap((group) => group.paths)) {
    const file = resolve(root, name)
    if (!file.startsWith(root + sep))
      throw new CompileError('malformed-file', `weight shard ${name} lies outside ${root}`, { file: name })
    try {
      shards.set(name, await readFile(file))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return shards
}
