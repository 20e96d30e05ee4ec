// SPDX-License-Identifier: GPL-3.0-or-later
// Reads named arrays from the bytes of one file, in the formats that need no Node: .npy (one array, whatever its name), .safetensors, .json.
import { LearningError } from '../errors.ts'
import { decodeSafetensors } from '../external/safetensors.ts'
import { parseJson } from '../json.ts'
import { arrayOfTensor, MOST_AXES, parseNpy, type StoredArray } from './npy.ts'

export type ArrayFile = {
  /** The file's name, for errors. */
  readonly name: string
  readonly names: readonly string[]
  /** @throws LearningError BAD_DATA naming the existing arrays */
  readonly array: (name: string) => Promise<StoredArray>
}

/** Endings of the files that {@link arraysIn} reads. */
export const BYTE_FORMATS = ['.npy', '.safetensors', '.json'] as const

/**
 * The arrays in the bytes of a file.
 * @throws LearningError BAD_DATA naming file and array; BAD_TENSORS for a .safetensors file that is not one
 */
export function arraysIn(bytes: Uint8Array, name: string): ArrayFile {
  const extension = /\.[a-z]+$/.exec(name.toLowerCase())?.[0] ?? ''
  if (extension === '.npy') {
    return { name, names: [name], array: async () => parseNpy(bytes, name) }
  }
  if (extension === '.safetensors') {
    const tensors = [...decodeSafetensors(bytes, name)]
    const reads = tensors.map(([key, tensor]) => {
      const read = async () => arrayOfTensor(tensor, `${name}: array '${key}'`)
      return [key, read] as const
    })
    return named(name, new Map(reads))
  }
  if (extension === '.json') return named(name, new Map(jsonArrays(bytes, name)))
  throw new LearningError('BAD_DATA', `${name}: an array is read from ${BYTE_FORMATS.join(', ')} here`)
}

/** A file of arrays by their names. */
export function named(name: string, arrays: ReadonlyMap<string, () => Promise<StoredArray>>): ArrayFile {
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

/** `{"x": […], "y": […]}`, lists of lists as deep as the array has axes. */
function jsonArrays(bytes: Uint8Array, name: string): [string, () => Promise<StoredArray>][] {
  let json: unknown
  try {
    json = parseJson(new TextDecoder().decode(bytes))
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
