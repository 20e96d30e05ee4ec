// SPDX-License-Identifier: GPL-3.0-or-later
// The samples of a simulation: the project's own digits, or a table of the visitor's, which does not leave the page.
import {
  type Dataset,
  deriveSeed,
  head,
  parseCsv,
  proceduralDigits,
  SeededRandom,
  subset,
  USUAL_DIGITS,
} from '../../../keepers/learning/index.ts'
import { inferTable } from '../../../keepers/services/index.ts'
import { rowsOfInput } from '../../../keepers/versions/index.ts'
import { requireMemory } from './choices.ts'

export type SamplePair = { readonly train: Dataset; readonly test: Dataset }

/** A visitor's file; `label` is its last column unless told. */
export type Table = { readonly text: string; readonly name: string; readonly label: string }

/** Bytes of a file at most. */
export const MOST_FILE = 32 << 20
/** One row of so many is kept to judge the model on. */
const ROWS_A_TEST = 5
/** Rows without which there is nothing to share out. */
const LEAST_ROWS = 20

let drawn: SamplePair | null = null

/** The digits of `cohort simulate --digits --limit`. */
export function digits(limit: number): SamplePair {
  drawn ??= proceduralDigits(USUAL_DIGITS)
  return { train: head(drawn.train, limit), test: drawn.test }
}

/** A table as classes to tell apart, divided by the seed. @throws LearningError BAD_DATA naming line and column, and what would do; ChoiceError for more than there is memory for */
export function tableSamples({ text, name, label }: Table, seed: number, deviceMemory?: number): SamplePair {
  const { input, task, rows } = readColumns({ text, name, label })
  if (rows < LEAST_ROWS) throw new Error(`${name} has ${rows} rows, a simulation takes at least ${LEAST_ROWS}`)
  // All of them, and divided.
  const bytes = 2 * Float32Array.BYTES_PER_ELEMENT * rows * input.shape.reduce((product, side) => product * side, 1)
  requireMemory(bytes, deviceMemory)
  const classes = task.kind === 'classification' ? { classes: [...task.classes] } : {}
  const all = parseCsv(text, { ...rowsOfInput(input)!, ...classes }, name)
  const order = new SeededRandom(deriveSeed(seed, 0x7e57)).permutation(all.count)
  const tests = Math.floor(all.count / ROWS_A_TEST)
  return { train: subset(all, order.subarray(tests)), test: subset(all, order.subarray(0, tests)) }
}

function readColumns({ text, name, label }: Table) {
  try {
    return inferTable(text, name, { task: 'classification', ...(label === '' ? {} : { target: label }) })
  } catch (cause) {
    // Its advice names options of a command line.
    throw new Error((cause as Error).message.replaceAll(/ \(--[a-z]+\)/g, ''), { cause })
  }
}
