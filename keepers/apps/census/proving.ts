// SPDX-License-Identifier: GPL-3.0-or-later
// Prepares what the server proves for a request: a chain of chunks from the empty state to the whole table's counts, then the slices with noise.
import { type CircuitInputs, SCALAR_FIELD } from '../../zkml/index.ts'
import { countOutcomes, countPairs, countState, packCounts, packReleased, releasedCounts, sliceOf } from './counting.ts'
import type { AdditiveModel } from './model.ts'
import { commitModel, weightCount } from './model.ts'
import { drawNoise, seedCommitmentOf } from './noise.ts'
import { marginalCells, type Row, type TableShape } from './schema.ts'
import { chunksOf, commitTable, marksIn, type TableSecret } from './table.ts'

export type Counting = {
  readonly shape: TableShape
  readonly rows: readonly Row[]
  readonly secret: TableSecret
  /** Name of the request, from which its own blindings are derived. */
  readonly request: string
  /** Null for marginals. */
  readonly model: AdditiveModel | null
}

export type CountingPlan = {
  readonly circuit: 'marginals' | 'outcomes'
  /** Commitments of all chunks. */
  readonly commitments: readonly bigint[]
  /** States before the first chunk and after each. */
  readonly states: readonly bigint[]
  /** Counts of the whole table, which are secret. */
  readonly cells: readonly number[]
  inputsOf(chunk: number): CircuitInputs
}

/** Number of cells that a request releases. */
export const cellsOf = (shape: TableShape, model: AdditiveModel | null): number =>
  model === null ? marginalCells(shape) : 4

/** Number of slices that hold them. */
export const slicesUsed = (shape: TableShape, model: AdditiveModel | null): number =>
  Math.ceil(cellsOf(shape, model) / 15)

export function planCounting({ shape, rows, secret, request, model }: Counting): CountingPlan {
  const chunks = chunksOf(shape, rows)
  const commitments = commitTable(shape, rows, secret)
  const count = (chunk: readonly Row[]) =>
    model === null ? countPairs(shape, chunk) : countOutcomes(shape, model, chunk)
  const totals: number[][] = [new Array<number>(cellsOf(shape, model)).fill(0)]
  for (const chunk of chunks) {
    const added = count(chunk)
    totals.push(totals.at(-1)!.map((total, i) => total + added[i]!))
  }
  const states = totals.map((cells, k) => countState(shape, secret.blindingOf(request, k), cells))
  return {
    circuit: model === null ? 'marginals' : 'outcomes',
    ...{ commitments, states, cells: totals.at(-1)! },
    inputsOf: (k) => ({
      ...{ chunk: commitments[k]!, before: states[k]!, after: states[k + 1]! },
      model: model === null ? 0n : commitModel(shape, model),
      salt: secret.saltOf(k),
      present: chunks[k]!.map((row) => (row === null ? 0n : 1n)),
      mark: marksIn(shape, chunks[k]!),
      blindingBefore: secret.blindingOf(request, k),
      blindingAfter: secret.blindingOf(request, k + 1),
      element: packCounts(shape, totals[k]!),
      ...(model === null ? {} : { weight: model.weights.slice(0, weightCount(shape)).map(fieldOf) }),
    }),
  }
}

function fieldOf(value: number): bigint {
  return value < 0 ? SCALAR_FIELD + BigInt(value) : BigInt(value)
}

/** The inputs of the noise circuit for one slice, its released element among them. @param context of the slice, from the ledger */
export function noiseInputs(
  { shape, secret, request, rows }: Counting,
  { cells, states }: Pick<CountingPlan, 'cells' | 'states'>,
  slice: number,
  context: bigint,
): CircuitInputs & { readonly released: bigint } {
  const count = sliceOf(cells, slice)
  const chunks = chunksOf(shape, rows).length
  return {
    state: states.at(-1)!,
    seedCommitment: seedCommitmentOf(secret.seed),
    released: packReleased(count, drawNoise(secret.seed, context)),
    context,
    seed: secret.seed,
    blinding: secret.blindingOf(request, chunks),
    element: packCounts(shape, cells),
    count: count.map(BigInt),
    slice: BigInt(slice),
  }
}

/** The counts of a release. */
export function readRelease(shape: TableShape, model: AdditiveModel | null, outputs: readonly bigint[]): number[] {
  return releasedCounts(outputs, cellsOf(shape, model))
}
