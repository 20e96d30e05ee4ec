// SPDX-License-Identifier: GPL-3.0-or-later
// Named arrays of numbers in the files that people have: .npz, .safetensors, .json, or an .npy file for each.
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { LearningError } from '../errors.ts'
import { decodeSafetensors } from '../external/safetensors.ts'
import { arrayOfTensor, MOST_AXES, parseNpy, type StoredArray } from './npy.ts'
import { readZip } from './zip.ts'

export type ArrayFile = {
  /** The file's name, for errors. */
  readonly name: string
  readonly names: readonly string[]
  /** @throws LearningError BAD_DATA naming the arrays that there are */
  readonly array: (name: string) => Promise<StoredArray>
}

const FORMATS = ['.npz', '.npy', '.safetensors', '.json']

/** Whether a path is one that {@link openArrays} reads, by the names in it. */
export function isArrayFile(path: string, inFolder: readonly string[] = []): boolean {
  return (
    FORMATS.includes(extname(path).toLowerCase()) || inFolder.some((name) => extname(name).toLowerCase() === '.npy')
  )
}

/**
 * The arrays of a file; of an .npy file and those beside it, or of a folder, one for each .npy file.
 * @throws LearningError DATA_NOT_FOUND, BAD_DATA naming file and array; BAD_TENSORS for a .safetensors file that is not one
 */
export async function openArrays(path: string): Promise<ArrayFile> {
  const unreadable = (cause: NodeJS.ErrnoException): never => {
    throw new LearningError('DATA_NOT_FOUND', `cannot read ${path}: ${cause.code}`, { cause })
  }
  const folder = (await stat(path).catch(unreadable)).isDirectory()
  const extension = folder ? '' : extname(path).toLowerCase()
  const name = basename(path)
  if (folder || extension === '.npy') {
    const place = folder ? path : dirname(path)
    const files = (await readdir(place)).filter((file) => extname(file).toLowerCase() === '.npy').sort()
    const read = async (file: string) => parseNpy(await readFile(join(place, file)), file)
    return named(folder ? name : `the folder of ${name}`, new Map(files.map((file) => [stem(file), () => read(file)])))
  }
  if (!FORMATS.includes(extension)) {
    throw new LearningError('BAD_DATA', `${name}: a tensor is read from ${FORMATS.join(', ')}, or a folder of .npy`)
  }
  const bytes = await readFile(path).catch(unreadable)
  if (extension === '.npz') {
    const entries = [...readZip(bytes, name)].filter(([file]) => file.endsWith('.npy'))
    const reads = entries.map(([file, unpack]) => {
      const read = async () => parseNpy(unpack(), `${name}: array '${stem(file)}'`)
      return [stem(file), read] as const
    })
    return named(name, new Map(reads))
  }
  if (extension === '.safetensors') {
    const tensors = [...decodeSafetensors(bytes, name)]
    const reads = tensors.map(([key, tensor]) => {
      const read = async () => arrayOfTensor(tensor, `${name}: array '${key}'`)
      return [key, read] as const
    })
    return named(name, new Map(reads))
  }
  return named(name, new Map(jsonArrays(bytes, name)))
}

function named(name: string, arrays: ReadonlyMap<string, () => Promise<StoredArray>>): ArrayFile {
  const names = [...arrays.keys()]
  return {
    name,
    names,
    array: async (wanted) => {
      const read = arrays.get(wanted)
      if (read !== undefined) return await read()
      throw new LearningError('BAD_DATA', `${name}: no array '${wanted}'; it has ${names.join(', ') || 'none'}`)
    },
  }
}

const stem = (file: string): string => basename(file, extname(file))

/** `{"x": […], "y": […]}`, lists of lists as deep as the array has axes. */
function jsonArrays(bytes: Uint8Array, name: string): [string, () => Promise<StoredArray>][] {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new LearningError('BAD_DATA', `${name}: not JSON (${(cause as Error).message.split('\n')[0]})`, { cause })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new LearningError('BAD_DATA', `${name}: takes an object of arrays, as {"x": […], "y": […]}`)
  }
  return Object.entries(json).map(([key, value]) => [key, async () => nested(value, `${name}: array '${key}'`)])
}

function nested(value: unknown, where: string): StoredArray {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${where}: ${what}`)
  }
  const shape: number[] = []
  for (let one = value; Array.isArray(one); one = one[0]) shape.push(one.length)
  if (shape.length > MOST_AXES) bad(`${shape.length} axes, at most ${MOST_AXES} are read`)
  if (shape.length === 0) bad(`is ${JSON.stringify(value)?.slice(0, 40)}, takes a list`)
  const values: (number | string)[] = []
  const collect = (one: unknown, axis: number, place: string): void => {
    if (axis < shape.length) {
      const length = Array.isArray(one) ? one.length : null
      if (length !== shape[axis]) bad(`${place || 'list'} has ${length ?? 'no'} values, those before it ${shape[axis]}`)
      for (const [i, part] of (one as unknown[]).entries()) collect(part, axis + 1, `${place}[${i}]`)
    } else if (typeof one === 'number' || typeof one === 'string') values.push(one)
    else if (typeof one === 'boolean') values.push(Number(one))
    else bad(`${place} is ${JSON.stringify(one)?.slice(0, 40)}, not a number`)
  }
  collect(value, 0, '')
  const texts = values.filter((one) => typeof one === 'string').length
  if (texts > 0 && texts < values.length) bad('has numbers and texts: take one or the other')
  const number = (i: number): number => (typeof values[i] === 'number' ? values[i] : Number.NaN)
  const whole = values.every((one) => Number.isInteger(one))
  const kind = texts > 0 ? 'text' : whole ? 'integer' : 'float'
  return { shape, kind, type: texts > 0 ? 'texts' : 'numbers', number, text: (i) => String(values[i]) }
}
