// SPDX-License-Identifier: GPL-3.0-or-later
// Which tables prove a circuit's ranges with the fewest constraints. A table of 2^w rows costs 2^w constraints once, and then a
// limb of w bits costs one; without tables a limb is a bit, at one constraint each.
/** The limbs of one range, lowest first. */
export type Limbs = {
  /** Bits of each limb: of a table, or 1. */
  readonly widths: readonly number[]
  /** The highest limb belongs to a table of more bits; it is looked up a second time, multiplied by 2^scale. */
  readonly scale: number
}

/** Widths of the tables, and how each number of bits is put together. */
export type TablePlan = {
  readonly widths: readonly number[]
  limbsOf(bits: number, exact: boolean): Limbs
  /** Of all ranges and tables. */
  readonly constraints: number
}

const NARROWEST = 2
const WIDEST = 14
const MOST_TABLES = 3
/** A range that need not be exact, of a number of bits rounded up, proves fewer than so many bits more than its largest value has. */
export const RANGE_SLACK = WIDEST
/** The sum over a table. */
const TABLE_OVERHEAD = 1

/** How many ranges of one kind are asked for. */
export class RangeCounts {
  readonly #counts = new Map<string, { bits: number; exact: boolean; count: number }>()

  add(bits: number, exact: boolean, count = 1): void {
    const key = `${bits} ${exact}`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { bits, exact, count })
    else known.count += count
  }

  kinds(): readonly { readonly bits: number; readonly exact: boolean; readonly count: number }[] {
    return [...this.#counts.values()]
  }
}

/** Tries every set of up to three tables; none where they are not wanted. */
export function planTables(ranges: RangeCounts, withTables: boolean): TablePlan {
  const kinds = ranges.kinds()
  const most = Math.max(1, ...kinds.map(({ bits }) => bits))
  let best: TablePlan | null = null
  for (const widths of subsets(NARROWEST, Math.min(WIDEST, most), withTables ? MOST_TABLES : 0)) {
    const decompose = decomposer(widths, most)
    let constraints = widths.reduce((sum, width) => sum + 2 ** width + TABLE_OVERHEAD, 0)
    for (const { bits, exact, count } of kinds) constraints += count * costOf(decompose(bits, exact))
    if (best === null || constraints < best.constraints) best = { widths, limbsOf: decompose, constraints }
  }
  return best!
}

function costOf({ widths, scale }: Limbs): number {
  return widths.length + (scale > 0 ? 1 : 0)
}

function* subsets(from: number, to: number, most: number): Generator<number[]> {
  yield []
  if (most === 0) return
  for (let first = from; first <= to; first++)
    for (const rest of subsets(first + 1, to, most - 1)) yield [first, ...rest]
}

/** The least number of limbs for every number of bits: a knapsack with reusable items. */
function decomposer(tables: readonly number[], most: number): (bits: number, exact: boolean) => Limbs {
  const choices = [1, ...tables]
  const widest = Math.max(...choices)
  /** Fewest limbs of exactly so many bits, and the last one of them. */
  const fewest = [0]
  const last = [0]
  for (let bits = 1; bits <= most + widest; bits++) {
    fewest[bits] = Number.POSITIVE_INFINITY
    for (const width of choices) {
      if (width > bits || fewest[bits - width]! + 1 >= fewest[bits]!) continue
      fewest[bits] = fewest[bits - width]! + 1
      last[bits] = width
    }
  }
  const limbs = (bits: number): number[] => (bits === 0 ? [] : [...limbs(bits - last[bits]!), last[bits]!])
  const find = (bits: number, exact: boolean): Limbs => {
    let found: Limbs = { widths: limbs(bits), scale: 0 }
    if (!exact) {
      for (let more = bits + 1; more <= bits + widest - 1; more++)
        if (fewest[more]! < found.widths.length) found = { widths: limbs(more), scale: 0 }
      return found
    }
    for (const width of tables)
      for (let top = 1; top < width && top <= bits; top++)
        if (fewest[bits - top]! + 2 < costOf(found))
          found = { widths: [...limbs(bits - top), width], scale: width - top }
    return found
  }
  const known = new Map<string, Limbs>()
  return (bits, exact) => {
    const key = `${bits} ${exact}`
    const limbsOf = known.get(key) ?? find(bits, exact)
    known.set(key, limbsOf)
    return limbsOf
  }
}
