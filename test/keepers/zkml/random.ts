// SPDX-License-Identifier: GPL-3.0-or-later
// Seeded randomness for tests: the same numbers on every machine.

/** A small generator (mulberry32): good enough to vary tests, never for secrets. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** Whole number in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!
  }

  /** Numbers in [low, high), float32-exact so that every framework sees the same. */
  list(count: number, low: number, high: number): number[] {
    return Array.from({ length: count }, () => Math.fround(low + this.next() * (high - low)))
  }
}
