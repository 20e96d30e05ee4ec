// SPDX-License-Identifier: GPL-3.0-or-later
// Opens named arrays of numbers in common files: .npz, .safetensors, .json, or one .npy file per array.
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { LearningError } from '../errors.ts'
import { type ArrayFile, arraysIn, named } from './array-bytes.ts'
import { checkPacked, HEADER_BYTES, parseNpy } from './npy.ts'
import { readZip } from './zip.ts'

const FORMATS = ['.npz', '.npy', '.safetensors', '.json']

/** Whether a path is one that {@link openArrays} reads, by the names in it. */
export function isArrayFile(path: string, inFolder: readonly string[] = []): boolean {
  return (
    FORMATS.includes(extname(path).toLowerCase()) || inFolder.some((name) => extname(name).toLowerCase() === '.npy')
  )
}

/**
 * The arrays of a file. For a folder, or for an .npy file with the others beside it, one array for each .npy file.
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
    const reads = entries.map(([file, { size, head, unpack }]) => {
      // NumPy's full name for the array, because arrays in two folders of the archive may have the same last name.
      const array = file.slice(0, -'.npy'.length)
      const where = `${name}: array '${array}'`
      const read = async () => {
        checkPacked(head(HEADER_BYTES), size, where)
        return parseNpy(unpack(), where)
      }
      return [array, read] as const
    })
    return named(name, new Map(reads))
  }
  return arraysIn(bytes, name)
}

const stem = (file: string): string => basename(file, extname(file))
