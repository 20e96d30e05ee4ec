// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of rounds out of what keepers write: log lines and Prometheus metrics.
import type { Line } from '../../cluster.ts'

export const PHASES = ['Training', 'Reveal', 'Aggregate', 'Decrypt', 'Vote'] as const

/** The phase that each transaction of a round belongs to. Whatever is not here (pokes, addresses) is 'other'. */
const PHASE_OF: Readonly<Record<string, string>> = {
  commitUpdate: 'training',
  commitStaleUpdate: 'training',
  revealUpdate: 'reveal',
  attest: 'aggregate',
  submitShare: 'decrypt',
  vote: 'vote',
}

const atSecond = (line: Line): number => new Date(String(line.time)).getTime() / 1000

/** Seconds between a state's first line and the next state's. Null when the keeper saw the state only in passing. */
export function phaseSeconds(states: readonly Line[], state: string, round: number): number | null {
  const index = states.findIndex((line) => line.state === state && Number(line.round) === round)
  const next = states[index + 1]
  return index < 0 || next === undefined ? null : atSecond(next) - atSecond(states[index]!)
}

/** Seconds from a round's Training to the next one's. */
export function roundSeconds(states: readonly Line[], round: number): number | null {
  const startOf = (wanted: number): Line | undefined =>
    states.find((line) => line.state === 'Training' && Number(line.round) === wanted)
  const [start, end] = [startOf(round), startOf(round + 1)]
  return start === undefined || end === undefined ? null : atSecond(end) - atSecond(start)
}

/** Gas of all keepers together in those rounds, by phase. A ballot cast late counts to the phase that it belongs to. */
export function gasByPhase(lines: readonly Line[], rounds: readonly number[]): Map<string, number> {
  const gas = new Map<string, number>()
  for (const line of lines) {
    if (line.event !== 'acted' || !rounds.includes(Number(line.round))) continue
    const phase = PHASE_OF[String(line.method)] ?? 'other'
    gas.set(phase, (gas.get(phase) ?? 0) + Number(line.gas))
  }
  return gas
}

/** The counters of several processes, added up: metric with its labels, and value. */
export function counters(texts: readonly string[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const at = line.lastIndexOf(' ')
    if (line.startsWith('#') || at < 0) continue
    const name = line.slice(0, at)
    sums.set(name, (sums.get(name) ?? 0) + Number(line.slice(at + 1)))
  }
  return sums
}

/** The counter of that name with that value of its one label; 0 when nothing was counted. */
export function sumOf(counts: ReadonlyMap<string, number>, metric: string, label: string): number {
  for (const [name, value] of counts) if (name.startsWith(`${metric}{`) && name.includes(`="${label}"`)) return value
  return 0
}

/** The counters of that name with any label, added up. */
export function sumAll(counts: ReadonlyMap<string, number>, metric: string): number {
  return [...counts].reduce((sum, [name, value]) => (name.startsWith(`${metric}{`) ? sum + value : sum), 0)
}

/**
 * How often keepers added up by slices in rounds up to this one, and how often each by itself after an attempt, by cause. Of updates and of
 * shares: `update.together`, `share.disagreed`.
 */
export function sliceOutcomes(lines: readonly Line[], rounds: number): Map<string, number> {
  const found = new Map<string, number>()
  for (const { event, round, message, cause } of lines) {
    if ((event !== 'slices' && event !== 'slices disagree') || Number(round) > rounds) continue
    const what = message === 'update' ? 'update' : 'share'
    const name = `${what}.${event === 'slices' ? 'together' : String(cause)}`
    found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}
