// SPDX-License-Identifier: GPL-3.0-or-later
// The messages between the prover and its threads. Vectors are field elements in the engine's own form.
import type { Part } from '../parts.ts'
import type { CurveImage } from '../setup/curve-memory.ts'

/** Multiples of the finite points of a share: 2^stride, 2^(2·stride) … times each of them, in their order. */
export type TableShare = {
  readonly stride: number
  readonly multiples: readonly Part[]
}

export type PointsShare = {
  readonly points: Part
  readonly table: TableShare | null
}

export type QueryShare = PointsShare & {
  readonly group: 'g1' | 'g2'
  readonly firstVariable: number
}

/** The points of a thread's share, and for the witness queries which variables they belong to. */
export type ShareOfKey = {
  readonly variables: number
  readonly power: number
  /** Entries of the key's coefficients section; those outside the rows [firstRow, firstRow + rows) are of other threads. */
  readonly coefficients: Part
  readonly firstRow: number
  readonly rows: number
  /** Whether this thread will be asked to shift. */
  readonly transforms: boolean
  readonly queries: readonly QueryShare[]
  /** No points in a key of plain Groth16. */
  readonly commitment: QueryShare
  readonly h: PointsShare
}

export type WorkerRequest =
  | { readonly do: 'load'; readonly engine: WebAssembly.Module | CurveImage; readonly share: ShareOfKey }
  /** Takes a witness, using only the commitment's variables, and answers with their sum: PartialSums. */
  | { readonly do: 'commit'; readonly witness: Uint8Array<ArrayBuffer> }
  /** Takes the witness and answers with its rows of A·w, B·w and their products. */
  | { readonly do: 'rows'; readonly witness: Uint8Array<ArrayBuffer> }
  /** Values on the domain to values on the odd coset. */
  | { readonly do: 'shift'; readonly values: Uint8Array<ArrayBuffer> }
  /** Sums of the witness queries, in the order of `queries`: PartialSums each. */
  | { readonly do: 'sum' }
  /** Sum of the H query over its rows of the three shifted vectors: PartialSums. */
  | { readonly do: 'quotient'; readonly a: Uint8Array; readonly b: Uint8Array; readonly c: Uint8Array }

/** The result is the sum of these points, each doubled `bits[i]` times first; in the Montgomery form of files. */
export type PartialSums = {
  readonly bits: readonly number[]
  /** Affine, or Jacobian, one behind the other. */
  readonly points: Uint8Array<ArrayBuffer>
}
