// SPDX-License-Identifier: GPL-3.0-or-later
// Which queries of a key get tables, and how dense: by additions saved for each byte, as the prover counts them.
import { cheapest, WINDOW_BITS } from '../prove/multiexp.ts'
import { pointBytes, type TableQuery } from '../prove/tables.ts'

/** Products of an addition in G2, against one in G1. */
const G2_WEIGHT = 3
const LONG_BITS = 253
/** What the other wires hold, mostly: bits and bytes. */
const SHORT_BITS = 8
/** Below this share of a query's additions, a table is not worth its memory. */
const LEAST_SHARE = 0.05
const STRIDES = Array.from({ length: 121 }, (_, i) => i + 8)

/** Finite points of a query, and how many of them get scalars of full size in every proof. */
export type QuerySize = { readonly query: TableQuery; readonly finite: number; readonly long: number }

export type TableChoice = {
  readonly query: TableQuery
  readonly stride: number
  readonly multiples: number
  readonly count: number
  readonly bytes: number
  /** Additions of one thread's sum, as counted, without and with the table. */
  readonly additions: { readonly without: number; readonly with: number }
}

/** The tables that save most within `bytes`, for a prover with so many threads; takes what saves most for each byte first. */
export function chooseTables(queries: readonly QuerySize[], threads: number, bytes: number): TableChoice[] {
  const candidates = queries.map((size) => candidatesFor(size, threads))
  const chosen = new Map<TableQuery, TableChoice>()
  for (let left = bytes; ; ) {
    let best: { readonly choice: TableChoice; readonly more: number } | null = null
    let most = 0
    for (const choice of candidates.flat()) {
      const before = chosen.get(choice.query)
      const more = choice.bytes - (before?.bytes ?? 0)
      const saved = (before?.additions.with ?? choice.additions.without) - choice.additions.with
      if (saved <= 0 || more > left) continue
      const worth = (weight(choice.query) * saved) / Math.max(1, more)
      if (worth > most) [best, most] = [{ choice, more }, worth]
    }
    if (best === null) return queries.flatMap(({ query }) => chosen.get(query) ?? [])
    chosen.set(best.choice.query, best.choice)
    left -= best.more
  }
}

function candidatesFor({ query, finite, long }: QuerySize, threads: number): TableChoice[] {
  const histogram = new Float64Array(256)
  histogram[LONG_BITS] = long / threads
  histogram[SHORT_BITS] = (finite - long) / threads
  const without = cheapest(histogram, null).cost
  return STRIDES.flatMap((stride) => {
    const multiples = Math.ceil(WINDOW_BITS / stride) - 1
    const bytes = multiples * finite * pointBytes(query)
    const additions = { without, with: cheapest(histogram, stride).cost }
    if (additions.with > (1 - LEAST_SHARE) * without) return []
    return [{ query, stride, multiples, count: finite, bytes, additions }]
  })
}

function weight(query: TableQuery): number {
  return query === 'b2' ? G2_WEIGHT : 1
}
