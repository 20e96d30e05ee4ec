// SPDX-License-Identifier: GPL-3.0-or-later
// Model files on disk: which format they are in, and where a tfjs model's shards lie.
import { lstat, readFile, realpath } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { CompileError } from '../graph/errors.ts'
import { elementCount } from '../graph/program.ts'
import type { Graph } from '../graph/types.ts'
import { parseJson } from '../json.ts'
import { importOnnx, type OnnxOptions } from './onnx/import.ts'
import { importTfjs } from './tfjs/import.ts'

const manifestPaths = z.object({
  weightsManifest: z.array(
    z.object({ paths: z.array(z.string()), weights: z.array(z.object({ shape: z.array(z.number().int().min(0)) })) }),
  ),
})
/** Bytes of the widest element that a weight may have. */
const BYTES_AT_MOST = 4

/**
 * Reads a model by its extension: `.onnx`, or `.json` (a tfjs model.json with its shards in the same folder).
 * @throws CompileError for anything wrong with the files; node:fs errors for a path that cannot be read.
 */
export async function importModelFile(
  path: string,
  options: Pick<OnnxOptions, 'dimensions' | 'output'> = {},
): Promise<Graph> {
  const extension = extname(path).toLowerCase()
  if (extension === '.onnx') return importOnnx(await readFile(path), options)
  if (extension !== '.json')
    throw new CompileError('malformed-file', `${path}: a model is an .onnx file or a tfjs model.json`, { file: path })
  if (options.output !== undefined)
    throw new CompileError('invalid-option', `${path}: only of an .onnx file can an output be named`, { file: path })
  const text = await readFile(path, 'utf8')
  const shards = await readShards(text, dirname(path))
  return importTfjs(text, (name) => shards.get(name))
}

async function readShards(text: string, directory: string): Promise<Map<string, Uint8Array>> {
  const shards = new Map<string, Uint8Array>()
  let json: unknown = null
  try {
    json = parseJson(text)
  } catch {
    // The importer reports the error in the text.
    return shards
  }
  const parsed = manifestPaths.safeParse(json)
  if (!parsed.success) return shards
  const root = resolve(directory)
  for (const group of parsed.data.weightsManifest) {
    // Readers check the contents. Before reading a shard, check that it is not larger than the weights of its group together.
    const most = group.weights.reduce((sum, { shape }) => sum + BYTES_AT_MOST * elementCount(shape), 0)
    for (const name of group.paths) {
      const bytes = await readShard(root, name, most)
      if (bytes !== null) shards.set(name, bytes)
    }
  }
  return shards
}

/** A weight shard: a regular file inside the model's folder. Null when no file has that name. */
async function readShard(root: string, name: string, most: number): Promise<Uint8Array | null> {
  const fail = (what: string): never => {
    const shown = name.replaceAll(/[^\x20-\x7e]/g, '?')
    throw new CompileError('malformed-file', `weight shard ${shown} ${what}`, { file: shown })
  }
  if (name.includes('\0')) fail('has a NUL in its name')
  const file = resolve(root, name)
  if (!file.startsWith(root + sep)) fail(`lies outside ${root}`)
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    return null
  })
  if (found === null) return null
  if (!found.isFile()) fail('is a link, a folder or a device; a regular file is needed')
  if ((await realpath(file)) !== join(await realpath(root), relative(root, file)))
    fail('lies in a folder that is a link; a regular file is needed')
  if (found.size > most) fail(`has ${found.size} bytes, its weights at most ${most}`)
  return readFile(file)
}
