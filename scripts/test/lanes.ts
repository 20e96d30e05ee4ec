// SPDX-License-Identifier: GPL-3.0-or-later
// What ran when, and beside what: whether a run is long because there is much to do, or because a lane had nothing to do.

/** Something that a lane did, in seconds since the run began. */
type Span = { readonly lane: string; readonly what: string; readonly from: number; readonly to: number }

export class Lanes {
  readonly #spans: Span[] = []
  readonly #now: () => number

  /** @param now seconds since the run began */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Notes when `work` began and ended, however it did. */
  async note<Result>(lane: string, what: string, work: Promise<Result>): Promise<Result> {
    const from = this.#now()
    try {
      return await work
    } finally {
      this.#spans.push({ lane, what, from, to: this.#now() })
    }
  }

  /** A line for each lane, in order of their first work: what it did from when to when, and how long it did nothing. */
  lines(): string[] {
    const end = Math.max(0, ...this.#spans.map(({ to }) => to))
    return [...Map.groupBy(this.#spans, ({ lane }) => lane)].map(([lane, spans]) => {
      const busy = spans.reduce((sum, { from, to }) => sum + to - from, 0)
      const parts = spans.map(({ what, from, to }) => `${what} ${from.toFixed(0)}–${to.toFixed(0)}`)
      return `${lane}: ${parts.join(', ')}; idle ${(end - busy).toFixed(0)} s`
    })
  }
}

/** How much of the processors a run used: `1200 s of the processors in 700 s of the clock, 86 % of 2 cores`. */
export function formatLoad(cpuSeconds: number, seconds: number, cores: number): string {
  const share = Math.round((100 * cpuSeconds) / (seconds * cores))
  return `${cpuSeconds.toFixed(0)} s of the processors in ${seconds.toFixed(0)} s of the clock, ${share} % of ${cores} cores`
}
