// SPDX-License-Identifier: GPL-3.0-or-later
// The shape of a census: categorical columns, the number of rows in a chunk, and the pairs of columns whose marginals are released.
import { poseidonChain } from '../../zkml/index.ts'

export type Column = { readonly name: string; readonly values: readonly string[] }

export type TableShape = {
  readonly columns: readonly Column[]
  /** Rows of a chunk, which one proof covers. */
  readonly chunkRows: number
  /** Index of the column that models predict; it has two values. */
  readonly target: number
}

/** The columns of the generator's people. */
export const CENSUS_COLUMNS: readonly Column[] = [
  { name: 'age', values: ['16-24', '25-34', '35-44', '45-54', '55-64', '65-74', '75+'] },
  { name: 'sex', values: ['female', 'male'] },
  { name: 'region', values: ['north', 'east', 'south', 'west', 'centre', 'islands'] },
  { name: 'education', values: ['none', 'primary', 'secondary', 'college', 'degree'] },
  {
    name: 'occupation',
    values: ['none', 'manual', 'service', 'clerical', 'technical', 'professional', 'managerial'],
  },
  { name: 'household', values: ['1', '2', '3', '4', '5+'] },
  { name: 'hours', values: ['0', '1-19', '20-39', '40+'] },
  { name: 'income', values: ['lower', 'upper'] },
]

/** 10,000 rows are ten chunks. */
export const CENSUS: TableShape = { columns: CENSUS_COLUMNS, chunkRows: 1000, target: 7 }

/** A vacant row, or the index of each column's value. */
export type Row = readonly number[] | null

/** Counts that share a field element, of 16 bits each. */
export const SLICE_CELLS = 15
/** Most rows, including vacant ones, so that counts stay below 2^14. */
export const MAX_ROWS = 2 ** 14 - 1

export const widthsOf = ({ columns }: TableShape): number[] => columns.map(({ values }) => values.length)
/** Number of marks of a row: one for each value of each column. */
export const marksOf = (shape: TableShape): number => widthsOf(shape).reduce((sum, width) => sum + width, 0)

/** The marginals that are released: the target with each other column. Column indices. */
export function pairsOf({ columns, target }: TableShape): (readonly [number, number])[] {
  return columns.flatMap((_, c) => (c === target ? [] : [[target, c] as const]))
}

/** Cells of all marginals. */
export function marginalCells(shape: TableShape): number {
  const widths = widthsOf(shape)
  return pairsOf(shape).reduce((sum, [a, b]) => sum + widths[a]! * widths[b]!, 0)
}

/** Field elements of a running count. A model's outcomes use one of them, so one kind of state, and one noise circuit, serve both kinds of release. */
export const slicesOf = (shape: TableShape): number => Math.ceil(marginalCells(shape) / SLICE_CELLS)

export function asciiNumber(text: string): bigint {
  return new TextEncoder().encode(text).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

const big = (values: readonly number[]) => values.map(BigInt)

/** First elements of the commitments, which state what is committed to, and in which layout. */
export const headersOf = (shape: TableShape) => ({
  rows: poseidonChain(asciiNumber('cohort/table-rows/1'), big([shape.chunkRows, ...widthsOf(shape)])),
  counts: poseidonChain(asciiNumber('cohort/counts/1'), big([slicesOf(shape), SLICE_CELLS])),
  model: poseidonChain(asciiNumber('cohort/additive-model/1'), big([shape.target, ...widthsOf(shape)])),
})

/** First element of a seed's commitment. */
export const SEED_HEADER = asciiNumber('cohort/noise-seed/1')
