// SPDX-License-Identifier: GPL-3.0-or-later
// Counts of chunks, the hidden state that adds them up, and released counts, computed as by circuits/lib/{pair_counts,additive_outcomes,
// running_counts,noisy_counts}.circom.
import { poseidon } from '../../zkml/index.ts'
import type { AdditiveModel } from './model.ts'
import { predict } from './model.ts'
import { headersOf, pairsOf, type Row, SLICE_CELLS, slicesOf, type TableShape, widthsOf } from './schema.ts'

const CELL_BITS = 16n
/** Added to each released count, so that none is negative. */
export const RELEASE_OFFSET = 1024

/** Cells of all marginals of the rows, pair after pair. Within a pair they are ordered by the first column's value, then by the second's. */
export function countPairs(shape: TableShape, rows: readonly Row[]): number[] {
  const widths = widthsOf(shape)
  return pairsOf(shape).flatMap(([a, b]) => {
    const cells = new Array<number>(widths[a]! * widths[b]!).fill(0)
    for (const row of rows) if (row !== null) cells[widths[b]! * row[a]! + row[b]!]!++
    return cells
  })
}

/** Rows by label and prediction: cell 2 label + prediction. */
export function countOutcomes(shape: TableShape, model: AdditiveModel, rows: readonly Row[]): number[] {
  const cells = [0, 0, 0, 0]
  for (const row of rows) if (row !== null) cells[2 * row[shape.target]! + predict(shape, model, row)]!++
  return cells
}

/** Packs counts into field elements: SLICE_CELLS in each, and as many elements as the shape's state has. */
export function packCounts(shape: TableShape, cells: readonly number[]): bigint[] {
  return Array.from({ length: slicesOf(shape) }, (_, s) =>
    cells
      .slice(SLICE_CELLS * s, SLICE_CELLS * (s + 1))
      .reduceRight((element, cell) => (element << CELL_BITS) | BigInt(cell), 0n),
  )
}

/** The counts of one slice. */
export function sliceOf(cells: readonly number[], slice: number): number[] {
  return Array.from({ length: SLICE_CELLS }, (_, i) => cells[SLICE_CELLS * slice + i] ?? 0)
}

export function countState(shape: TableShape, blinding: bigint, cells: readonly number[]): bigint {
  return poseidon([headersOf(shape).counts, blinding, ...packCounts(shape, cells)])
}

/** The state before the first chunk: zeros, and blinding 0. */
export const emptyState = (shape: TableShape): bigint => countState(shape, 0n, [])

/** The first `count` counts in released slices. Noise may make them negative. */
export function releasedCounts(outputs: readonly bigint[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const element = outputs[Math.floor(i / SLICE_CELLS)]!
    return Number(BigInt.asUintN(16, element >> (CELL_BITS * BigInt(i % SLICE_CELLS)))) - RELEASE_OFFSET
  })
}

/** The output of a slice: its counts and their noise. */
export function packReleased(counts: readonly number[], noise: readonly number[]): bigint {
  return counts.reduceRight(
    (element, count, i) => (element << CELL_BITS) | BigInt(count + noise[i]! + RELEASE_OFFSET),
    0n,
  )
}
