// SPDX-License-Identifier: GPL-3.0-or-later
// Which comparisons of a layer are the same: forests grown over histograms ask one question many times.
import type { CompareLayer } from './layers.ts'

/** `first`: outputs that ask what none before them asks; `of[i]`: the place in `first` of what output i asks. */
export type Distinct = { readonly first: Int32Array; readonly of: Int32Array }

/** The comparisons of a layer with constant thresholds, each once. */
export function distinctComparisons({
  positions,
  thresholds,
}: Pick<CompareLayer, 'positions' | 'thresholds'>): Distinct {
  const places = new Map<string, number>()
  const first: number[] = []
  const of = Int32Array.from(positions, (from, i) => {
    const question = `${from} ${thresholds.values[i]}`
    const place = places.get(question) ?? first.length
    if (place === first.length) {
      places.set(question, place)
      first.push(i)
    }
    return place
  })
  return { first: Int32Array.from(first), of }
}
