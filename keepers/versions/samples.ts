// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the source of samples, and reads them as a manifest says.
import { readdir, stat } from 'node:fs/promises'
import { LearningError, openSamples, type SampleSource, type Samples } from '../learning/index.ts'
import { rowsOfInput, type ServiceInput, tensorOfInput } from './input.ts'
import type { ServiceManifest } from './manifest.ts'
import { answersOf, arrayReading, labelReading } from './task.ts'

type Form = Pick<ServiceManifest, 'input' | 'task'>

type SamplePlace = { readonly kind: SampleSource['kind']; readonly path?: string; readonly test?: string }

/** Names of the classes of the project's own digits. */
const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit))

/** Whether a service is about digits like the project's own. The size of the pictures does not show that. */
export function takesDigits({ input, task }: Form): boolean {
  return (
    input.kind === 'picture' && task.kind === 'classification' && DIGITS.every((digit, i) => task.classes[i] === digit)
  )
}

/** Which kind of source a file or folder is, for this input. @throws LearningError DATA_NOT_FOUND */
export async function kindOfSamples(input: ServiceInput, path: string): Promise<'csv' | 'tensor' | 'idx' | 'images'> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new LearningError('DATA_NOT_FOUND', `cannot read ${path}: ${cause.code}`, { cause })
  })
  if (input.kind !== 'picture') return input.kind === 'tensor' ? 'tensor' : 'csv'
  if (!found.isDirectory()) {
    throw new LearningError('BAD_DATA', `${path}: pictures are a folder of IDX files, or with a folder for each class`)
  }
  return (await readdir(path)).some((name) => name.startsWith('train-images')) ? 'idx' : 'images'
}

/**
 * A source of samples, read as the members of a service read theirs. Never touches the network.
 * @throws LearningError DATA_NOT_FOUND, BAD_DATA naming file and place; BAD_PARAMETERS for another kind of source
 */
export async function samplesOf(form: Form, place: SamplePlace, signal?: AbortSignal): Promise<Samples> {
  const { input, task } = form
  return await openSamples(sourceOf(form, place), { inputShape: input.shape, classes: answersOf(task) }, signal)
}

function sourceOf({ input, task }: Form, { kind, path, test }: SamplePlace): SampleSource {
  if (kind === 'digits') return path === undefined ? { kind } : { kind, path }
  const bad = (what: string): never => {
    throw new LearningError('BAD_PARAMETERS', what)
  }
  if (path === undefined) return bad(`data.path: source ${kind} needs a path`)
  if (kind === 'idx') return { kind, path }
  const both = test === undefined ? { path } : { path, test }
  if (kind === 'images') return { kind, ...both }
  if (kind === 'tensor') {
    const tensor = tensorOfInput(input) ?? bad(`input.kind: the manifest takes a ${input.kind}, ${path} has arrays`)
    return { kind, ...both, tensor: { ...tensor, answers: arrayReading(task) } }
  }
  const rows = rowsOfInput(input) ?? bad(`input.kind: the manifest takes a ${input.kind}, ${path} is a table`)
  return { kind, ...both, table: { ...rows, ...labelReading(task) } }
}

/** A description of the samples that a member needs, for a user who has not named any. */
export function samplesText(input: ServiceInput): string {
  if (input.kind === 'picture') {
    return `a folder of IDX files, or with a folder for each class, of pictures of ${input.shape.join('×')}`
  }
  if (input.kind === 'tensor') {
    return `a file of arrays (.npz, .npy, .safetensors, .json) with '${input.array}' and '${input.label}'`
  }
  const columns = input.kind === 'text' ? [input.column] : input.features
  const some = columns.slice(0, 3).join(', ') + (columns.length > 3 ? ', …' : '')
  return `a CSV file with the columns ${some} and '${input.label}'`
}
