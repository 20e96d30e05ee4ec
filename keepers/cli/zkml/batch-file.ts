// SPDX-License-Identifier: GPL-3.0-or-later
// Files of labelled batches, with the salt of their commitment once they have one.
import { z } from 'zod'
import {
  type BatchStatement,
  type CircuitFolder,
  type Claim,
  integersOf,
  type MarkedBatch,
  markOf,
  writeAtomically,
} from '../../zkml/index.ts'
import { flatten, inputShapeOf, nested, parse, readJson, readSamples } from './samples.ts'
import { badData, usage } from './terminal.ts'

export type BatchFileOptions = {
  readonly batch: string
  readonly labels?: string
  readonly clamp?: boolean
  readonly json?: boolean
}

export function claimOf({ claim, folder }: CircuitFolder): Claim {
  if (claim === null) throw usage(`${folder} proves inferences; make one for claims with cohort zkml claim accuracy`)
  return claim
}

const batchSchema = z.strictObject({
  inputs: z.array(nested).min(1),
  labels: z.array(z.int().nonnegative()).optional(),
  groups: z.array(z.int().min(0).max(1)).optional(),
  /** The numbers are the program's integers, not real values. */
  integers: z.boolean().default(false),
  salt: z
    .string()
    .regex(/^0x[0-9a-fA-F]{1,64}$/)
    .optional(),
})

/** The first `count` samples of the file, with their labels or groups. */
export async function readBatch(
  { batch: path, labels: labelsPath, clamp = false }: BatchFileOptions,
  folder: CircuitFolder,
): Promise<MarkedBatch & { readonly salt?: bigint }> {
  const { count, statement } = claimOf(folder)
  const shape = inputShapeOf(folder.program)
  const mark = markOf(statement)
  if (!path.endsWith('.json')) {
    if (mark !== 'label') throw usage('groups come from a JSON file {"inputs", "groups"}')
    const { inputs, labels } = await readSamples(path, labelsPath, count, shape)
    return { inputs, clamp, marks: labels ?? missing(path, 'labels') }
  }
  if (labelsPath !== undefined) throw usage('--labels belongs to IDX images; a JSON file holds its own labels')
  const { inputs, integers, salt, labels, groups } = parse(batchSchema, await readJson(path), path)
  return {
    inputs: inputs.map((input, i) => flatten(input, shape, `${path}: sample ${i}`)),
    integers,
    clamp,
    marks:
      mark === 'cell'
        ? cellsOf(labels ?? missing(path, 'labels'), groups ?? missing(path, 'groups'), path, statement)
        : mark === 'group'
          ? (groups ?? missing(path, 'groups'))
          : (labels ?? missing(path, 'labels')),
    ...(salt === undefined ? {} : { salt: BigInt(salt) }),
  }
}

/** 2 · (the label is the positive one) + group, for each sample. */
function cellsOf(
  labels: readonly number[],
  groups: readonly number[],
  path: string,
  statement: BatchStatement,
): readonly number[] {
  if (labels.length !== groups.length)
    throw badData(`${path} has ${labels.length} labels and ${groups.length} groups: one of each for every sample`)
  const positive = 'positive' in statement ? statement.positive : 0
  return labels.map((label, i) => 2 * (label === positive ? 1 : 0) + groups[i]!)
}

function missing(path: string, name: string): never {
  throw badData(`${path} has no ${name}`)
}

/** Writes a batch file with its salt, which commits to the same batch again. */
export async function writeOpening(
  path: string,
  folder: CircuitFolder,
  batch: MarkedBatch,
  salt: bigint,
): Promise<void> {
  const inputs = integersOf(folder, batch).map((input) => Array.from(input))
  const { statement } = claimOf(folder)
  const opening = { inputs, integers: true, ...openedMarks(statement, batch.marks), salt: `0x${salt.toString(16)}` }
  await writeAtomically(path, `${JSON.stringify(opening)}\n`, 0o600)
}

function openedMarks(statement: BatchStatement, marks: readonly number[]): object {
  switch (markOf(statement)) {
    case 'label':
      return { labels: marks }
    case 'group':
      return { groups: marks }
    case 'cell': {
      // Any label other than the positive one will do.
      const positive = 'positive' in statement ? statement.positive : 0
      const labels = marks.map((mark) => (mark >= 2 ? positive : positive === 0 ? 1 : 0))
      return { labels, groups: marks.map((mark) => mark % 2) }
    }
  }
}
