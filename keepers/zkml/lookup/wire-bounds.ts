// SPDX-License-Identifier: GPL-3.0-or-later
// Intervals of integers that wires are proven to be in, from memberships in tables.
import { SCALAR_FIELD } from '../bn254.ts'
import type { Combination } from '../circuit/constraints.ts'
import type { Membership } from './facts.ts'

/** low ≤ value ≤ high, as integers. */
export type Interval = { readonly low: bigint; readonly high: bigint }

const HALF = SCALAR_FIELD >> 1n

export class WireBounds {
  readonly #of = new Map<number, Interval>()

  get(wire: number): Interval | undefined {
    return this.#of.get(wire)
  }

  /** Keeps the narrower of the known bound and this one. Returns whether anything was learnt. */
  narrow(wire: number, { low, high }: Interval): boolean {
    // Beyond half the field an integer is not the only one of its residue.
    if (low <= -HALF || high >= HALF) return false
    const before = this.#of.get(wire)
    if (before === undefined) {
      this.#of.set(wire, { low, high })
      return true
    }
    if (low <= before.low && high >= before.high) return false
    this.#of.set(wire, { low: low > before.low ? low : before.low, high: high < before.high ? high : before.high })
    return true
  }

  /** Of a linear combination; null where a wire has no interval. */
  of(combination: Combination): Interval | null {
    let [low, high] = [0n, 0n]
    for (const [wire, weight] of combination) {
      const bounds = wire === 0 ? { low: 1n, high: 1n } : this.#of.get(wire)
      if (bounds === undefined) return null
      const ends = [weight * bounds.low, weight * bounds.high] as const
      low += weight < 0n ? ends[1] : ends[0]
      high += weight < 0n ? ends[0] : ends[1]
    }
    return { low, high }
  }
}

/** @param signs wires p and n, each way, with p · n = 0 */
export function boundsOf(
  memberships: readonly Membership[],
  booleans: ReadonlySet<number>,
  signs: ReadonlyMap<number, number>,
): WireBounds {
  const bounds = new WireBounds()
  for (const wire of booleans) bounds.narrow(wire, { low: 0n, high: 1n })
  let open = [...memberships]
  for (let changed = true; changed; ) {
    changed = false
    const still: Membership[] = []
    for (const membership of open) {
      const { value } = membership
      const [first, second, ...more] = [...value.keys()].filter((wire) => wire !== 0 && bounds.get(wire) === undefined)
      if (first === undefined) {
        tighten(bounds, membership)
        continue
      }
      const isSum =
        second !== undefined &&
        more.length === 0 &&
        signs.get(first) === second &&
        value.get(first) === value.get(second)
      if (second !== undefined && !isSum) {
        still.push(membership)
        continue
      }
      const interval = solved(bounds, membership, first, second)
      if (interval === null) still.push(membership)
      else if (second === undefined) changed = bounds.narrow(first, interval) || changed
      else {
        // One of the two is 0, the other their sum.
        const both = { low: interval.low < 0n ? interval.low : 0n, high: interval.high > 0n ? interval.high : 0n }
        for (const wire of [first, second]) changed = bounds.narrow(wire, both) || changed
      }
    }
    open = still
  }
  return bounds
}

/** The interval of a wire with coefficient ±1, or of the sum of two, from all others. */
function solved(bounds: WireBounds, { value, size }: Membership, first: number, second?: number): Interval | null {
  const unit = value.get(first)!
  if (unit !== 1n && unit !== -1n) return null
  const rest = bounds.of(new Map([...value].filter(([wire]) => wire !== first && wire !== second)))
  if (rest === null) return null
  const [low, high] = [-rest.high, size - 1n - rest.low]
  return unit === 1n ? { low, high } : { low: -high, high: -low }
}

/** k · x + c < size narrows a wire that is an integer already, as long as nothing wraps. */
function tighten(bounds: WireBounds, { value, size }: Membership): void {
  const wires = [...value.keys()].filter((wire) => wire !== 0)
  const [wire] = wires
  const whole = bounds.of(value)
  if (wire === undefined || wires.length > 1 || whole === null || whole.low <= -HALF || whole.high >= HALF) return
  const [weight, constant] = [value.get(wire)!, value.get(0) ?? 0n]
  if (weight <= 0n) return
  const high = (size - 1n - constant) / weight
  bounds.narrow(wire, { low: bounds.get(wire)!.low, high })
}
