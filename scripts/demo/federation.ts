// SPDX-License-Identifier: GPL-3.0-or-later
// Gathers the keepers' logs: the phase of each keeper, and the result of each round.
import type { KeeperLine, KeeperNode } from './keeper-nodes.ts'
import { formatRows } from './live-table.ts'

export type RoundResult = {
  readonly round: number
  readonly version: string
  readonly commitment: string
  readonly cid: string
  /** Of the keepers' own hold-outs, their mean, 0 … 1. */
  readonly holdOutAccuracy: number
  /** On the test set, which no keeper trains on; null when the data has none. */
  readonly testAccuracy: number | null
  /** Keepers with exactly this candidate, bit for bit. */
  readonly agreeing: number
  readonly contributors: number
  readonly seconds: number
}

type Row = { state: string; round: number; last: string; holdOut: number | null; accepted: number }
type Candidate = {
  cid: string
  commitment: string
  accuracy: number
  testAccuracy: number | null
  contributors: number
}

/** Milliseconds in each state, over all rounds: `total` divided by `times` is the mean. */
export type PhaseTimes = ReadonlyMap<string, { total: number; times: number }>

export class Federation {
  readonly gas = new Map<string, { total: number; times: number }>()
  readonly #nodes: readonly KeeperNode[]
  readonly #figure: (share: number) => string
  readonly #rows = new Map<string, Row>()
  readonly #candidates = new Map<number, Map<string, Candidate>>()
  readonly #results: RoundResult[] = []
  readonly #phases = new Map<string, { total: number; times: number }>()
  readonly #waiting = new Set<() => void>()
  #phase: { state: string; since: number } | null = null
  #roundStart = performance.now()
  announcement = ''
  /** Called once for each round that every keeper took over. */
  onRound: (result: RoundResult) => void = () => undefined

  /** @param figure how accuracies are written */
  constructor(nodes: readonly KeeperNode[], figure: (share: number) => string) {
    this.#nodes = nodes
    this.#figure = figure
    for (const { name } of nodes)
      this.#rows.set(name, { state: 'starting', round: 0, last: '', holdOut: null, accepted: 0 })
  }

  get results(): readonly RoundResult[] {
    return this.#results
  }

  get phases(): PhaseTimes {
    return this.#phases
  }

  /** Takes in one line of a keeper's log. */
  hear(node: KeeperNode, line: KeeperLine): void {
    const row = this.#rows.get(node.name)!
    const text = typeof line.msg === 'string' ? line.msg : ''
    if (line.event === 'shard') this.announcement = text
    if (line.event === 'state') {
      row.state = String(line.state)
      row.round = Number(line.round)
      if (node === this.#nodes[0]) this.#enter(row.state)
    } else if (line.event === 'acted') {
      row.last = String(line.method)
      add(this.gas, String(line.method), Number(line.gas))
    } else if (line.event === 'candidate') {
      row.holdOut = Number(line.accuracy)
      this.#candidate(node, line)
    } else if (line.event === 'model accepted') {
      row.accepted = Number(line.round)
      row.last = 'took over the model'
      this.#settle(line)
    } else if (line.event !== undefined) {
      row.last = text
    }
    for (const wake of this.#waiting) wake()
  }

  /** Resolves when so many rounds were taken over by every keeper; rejects when `signal` is aborted. */
  async completed(rounds: number, signal: AbortSignal): Promise<void> {
    while (this.#results.length < rounds) {
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          this.#waiting.delete(wake)
          signal.removeEventListener('abort', stop)
          resolve()
        }
        const stop = (): void => {
          this.#waiting.delete(wake)
          reject(signal.reason)
        }
        if (signal.aborted) return stop()
        signal.addEventListener('abort', stop, { once: true })
        this.#waiting.add(wake)
      })
    }
  }

  /** The keepers by phase, as a table. */
  table(): string {
    const rows = this.#nodes.map(({ name }) => {
      const { state, round, last, holdOut, accepted } = this.#rows.get(name)!
      return [name, state, String(round), String(accepted), holdOut === null ? '–' : this.#figure(holdOut), last]
    })
    return formatRows([['keeper', 'state', 'round', 'accepted', 'own hold-out', 'last'], ...rows])
  }

  #enter(state: string): void {
    const now = performance.now()
    if (this.#phase !== null) add(this.#phases, this.#phase.state, now - this.#phase.since)
    this.#phase = { state, since: now }
  }

  #candidate(node: KeeperNode, line: KeeperLine): void {
    const round = Number(line.round)
    const candidates = this.#candidates.get(round) ?? new Map<string, Candidate>()
    this.#candidates.set(round, candidates)
    candidates.set(node.name, {
      cid: String(line.cid),
      commitment: String(line.commitment),
      accuracy: Number(line.accuracy),
      testAccuracy: typeof line.testAccuracy === 'number' ? line.testAccuracy : null,
      contributors: Number(line.contributors),
    })
  }

  #settle(line: KeeperLine): void {
    const round = Number(line.round)
    const everyone = [...this.#rows.values()].every((row) => row.accepted >= round)
    if (!everyone || this.#results.some((result) => result.round === round)) return
    const candidates = [...(this.#candidates.get(round)?.values() ?? [])]
    const same = candidates.filter(({ cid, commitment }) => cid === line.cid && commitment === line.commitment)
    const now = performance.now()
    const result: RoundResult = {
      round,
      version: String(line.version),
      commitment: String(line.commitment),
      cid: String(line.cid),
      holdOutAccuracy: candidates.reduce((sum, { accuracy }) => sum + accuracy, 0) / Math.max(1, candidates.length),
      testAccuracy: same.find(({ testAccuracy }) => testAccuracy !== null)?.testAccuracy ?? null,
      agreeing: same.length,
      contributors: same[0]?.contributors ?? 0,
      seconds: (now - this.#roundStart) / 1000,
    }
    this.#roundStart = now
    this.#results.push(result)
    this.onRound(result)
  }
}

function add(map: Map<string, { total: number; times: number }>, key: string, value: number): void {
  const entry = map.get(key) ?? { total: 0, times: 0 }
  map.set(key, { total: entry.total + value, times: entry.times + 1 })
}

/** Bytes published and fetched by kind of blob, summed over the keepers' own metrics. */
export async function scrapeBytes(
  nodes: readonly KeeperNode[],
): Promise<{ published: Record<string, number>; fetched: Record<string, number> }> {
  const sums = { published: {} as Record<string, number>, fetched: {} as Record<string, number> }
  for (const { monitoring } of nodes) {
    const text = await fetch(`${monitoring}/metrics`).then((response) => response.text())
    for (const [, direction, kind, value] of text.matchAll(
      /^cohort_(published|fetched)_bytes_total\{kind="([^"]+)"\} (\d+)/gm,
    )) {
      const sum = sums[direction as 'published' | 'fetched']
      sum[kind!] = (sum[kind!] ?? 0) + Number(value)
    }
  }
  return sums
}
