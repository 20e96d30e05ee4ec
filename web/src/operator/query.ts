// SPDX-License-Identifier: GPL-3.0-or-later
// The part of PromQL that the shipped alert rules are written in: comparisons with a number, `and`, `or`, `unless`, `on`, `sum by`, `increase` and `rate` over a
// window, `time()`. Source: Prometheus, "Querying basics", and `extrapolatedRate` in its promql/functions.go for the ends of a window.
import type { Sample } from './metrics.ts'

export type Labels = Readonly<Record<string, string>>
type Value = { readonly labels: Labels; readonly value: number }
type Match = { readonly label: string; readonly op: string; readonly value: string }
type Selector = { readonly name: string; readonly matches: readonly Match[] }

export type Query =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'time' }
  | { readonly kind: 'select'; readonly selector: Selector }
  | { readonly kind: 'window'; readonly of: 'increase' | 'rate'; readonly selector: Selector; readonly seconds: number }
  | { readonly kind: 'sum'; readonly by: readonly string[]; readonly of: Query }
  | {
      readonly kind: 'binary'
      readonly op: string
      /** Labels that a set operator matches by; null for all. */
      readonly on: readonly string[] | null
      readonly left: Query
      readonly right: Query
    }

/** A rule is written in more of the language than is read here. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|([a-zA-Z_:][\w:]*)|(\d+(?:ms|[smhdw])\b|\d+\.?\d*)|(=~|!~|!=|==|>=|<=|[-*(){}[\],<>=]))/y
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
/** Operators that bind as tightly, the loosest first. */
const LEVELS = [['or'], ['and', 'unless'], ['==', '!=', '>', '<', '>=', '<='], ['-'], ['*']] as const
/** Operators that take values or leave them, by their labels alone. */
const SETS: ReadonlySet<string> = new Set(['and', 'or', 'unless'])
/** Seconds for which a value counts as the present one. */
const LOOKBACK = 300

/** `30m` as seconds. @throws QueryError */
export function durationOf(text: string): number {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(text) ?? []
  if (count === undefined) throw new QueryError(`'${text}' is no time such as 30m`)
  return Number(count) * SECONDS[unit!]!
}

/** @throws QueryError for what is not in this part of the language */
export function parseQuery(text: string): Query {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex
    const [, ...groups] = TOKEN.exec(text) ?? []
    const token = groups.find((group) => group !== undefined)
    if (token === undefined) throw new QueryError(`'${text.slice(at, at + 20)}' is not understood`)
    tokens.push(token)
  }
  let next = 0
  const take = (wanted?: string): string => {
    const token = tokens[next++]
    if (token === undefined || (wanted !== undefined && token !== wanted)) {
      throw new QueryError(`'${text}': '${token ?? 'the end'}' in the place of '${wanted ?? 'a value'}'`)
    }
    return token
  }
  const list = (end: string): string[] => {
    const found: string[] = []
    while (tokens[next] !== end) {
      found.push(take())
      if (tokens[next] !== end) take(',')
    }
    take(end)
    return found
  }
  const selectorOf = (name: string): Selector => {
    const matches: Match[] = []
    if (tokens[next] !== '{') return { name, matches }
    take('{')
    while (tokens[next] !== '}') {
      const [label, op, quoted] = [take(), take(), take()]
      matches.push({ label, op, value: JSON.parse(quoted) as string })
      if (tokens[next] !== '}') take(',')
    }
    take('}')
    return { name, matches }
  }
  const primary = (): Query => {
    const token = take()
    if (token === '(') {
      const inner = level(0)
      take(')')
      return inner
    }
    if (/^\d/.test(token)) return { kind: 'number', value: Number(token) }
    if (token === 'time') {
      take('(')
      take(')')
      return { kind: 'time' }
    }
    if (token === 'sum') {
      let by: string[] = []
      if (tokens[next] === 'by') {
        take('by')
        take('(')
        by = list(')')
      }
      take('(')
      const of = level(0)
      take(')')
      return { kind: 'sum', by, of }
    }
    if (token === 'increase' || token === 'rate') {
      take('(')
      const selector = selectorOf(take())
      take('[')
      const seconds = durationOf(take())
      take(']')
      take(')')
      return { kind: 'window', of: token, selector, seconds }
    }
    if (!/^[a-zA-Z_:]/.test(token)) throw new QueryError(`'${text}': '${token}' is no value`)
    return { kind: 'select', selector: selectorOf(token) }
  }
  const level = (depth: number): Query => {
    const operators: readonly string[] | undefined = LEVELS[depth]
    if (operators === undefined) return primary()
    let left = level(depth + 1)
    while (operators.includes(tokens[next] ?? '')) {
      const op = take()
      let on: string[] | null = null
      if (SETS.has(op) && tokens[next] === 'on') {
        take('on')
        take('(')
        on = list(')')
      }
      left = { kind: 'binary', op, on, left, right: level(depth + 1) }
    }
    return left
  }
  const query = level(0)
  if (next < tokens.length) throw new QueryError(`'${text}': '${tokens[next]}' is left over`)
  return query
}

/** The longest window that a query looks back over, in seconds; 0 for one that needs the present alone. */
export function windowOf(query: Query): number {
  if (query.kind === 'window') return query.seconds
  if (query.kind === 'sum') return windowOf(query.of)
  return query.kind === 'binary' ? Math.max(windowOf(query.left), windowOf(query.right)) : 0
}

type Series = { readonly labels: Labels; readonly points: [at: number, value: number][] }

/** What was read of one keeper, and when. Times are Unix seconds. */
export class Readings {
  readonly #series = new Map<string, Map<string, Series>>()
  readonly #names: ReadonlySet<string>
  readonly #keep: number
  readonly #times: number[] = []

  /** @param names those that are kept @param keep seconds for which they are */
  constructor(names: Iterable<string>, keep: number) {
    this.#names = new Set(names)
    this.#keep = keep
  }

  /** When something was read, the oldest first. */
  get times(): readonly number[] {
    return this.#times
  }

  add(at: number, samples: readonly Sample[]): void {
    this.#times.push(at)
    while (this.#times[0]! < at - this.#keep) this.#times.shift()
    // Series that are read no more, too: whoever answers may name others each time.
    for (const ofName of this.#series.values()) {
      for (const [key, { points }] of ofName) if (points.at(-1)![0] < at - this.#keep) ofName.delete(key)
    }
    for (const { name, labels, value } of samples) {
      if (!this.#names.has(name)) continue
      const ofName = this.#series.get(name) ?? new Map<string, Series>()
      this.#series.set(name, ofName)
      const key = keyOf(labels)
      const series = ofName.get(key) ?? { labels, points: [] }
      ofName.set(key, series)
      series.points.push([at, value])
      while (series.points[0]![0] < at - this.#keep) series.points.shift()
    }
  }

  select({ name, matches }: Selector): Series[] {
    return [...(this.#series.get(name)?.values() ?? [])].filter(({ labels }) =>
      matches.every(({ label, op, value }) => {
        const own = labels[label] ?? ''
        // Rules are the project's own, so that a regular expression of theirs is no stranger's.
        const fits = op.endsWith('~') ? new RegExp(`^(?:${value})$`).test(own) : own === value
        return op.startsWith('!') ? !fits : fits
      }),
    )
  }
}

/** A query's values at a time; `records` are the recording rules that it may name. A comparison leaves those out for which it does not hold. */
export function evaluate(query: Query, readings: Readings, at: number, records: ReadonlyMap<string, Query>): Value[] {
  switch (query.kind) {
    case 'number':
      return [{ labels: {}, value: query.value }]
    case 'time':
      return [{ labels: {}, value: at }]
    case 'select': {
      const recorded = records.get(query.selector.name)
      if (recorded !== undefined) return evaluate(recorded, readings, at, records)
      return readings.select(query.selector).flatMap(({ labels, points }) => {
        const last = points.findLast(([when]) => when <= at)
        return last === undefined || last[0] <= at - LOOKBACK ? [] : [{ labels, value: last[1] }]
      })
    }
    case 'window':
      return readings.select(query.selector).flatMap(({ labels, points }) => {
        const value = increaseOf(points, at, query.seconds)
        return value === null ? [] : [{ labels, value: query.of === 'rate' ? value / query.seconds : value }]
      })
    case 'sum': {
      const sums = new Map<string, { labels: Labels; value: number }>()
      for (const { labels, value } of evaluate(query.of, readings, at, records)) {
        const kept = Object.fromEntries(
          query.by.filter((label) => label in labels).map((label) => [label, labels[label]!]),
        )
        const known = sums.get(keyOf(kept))
        if (known === undefined) sums.set(keyOf(kept), { labels: kept, value })
        else known.value += value
      }
      return [...sums.values()]
    }
    case 'binary':
      return combine(query, evaluate(query.left, readings, at, records), evaluate(query.right, readings, at, records))
  }
}

function combine(
  { op, on, left, right }: Query & { kind: 'binary' },
  ours: readonly Value[],
  theirs: readonly Value[],
): Value[] {
  if (SETS.has(op)) {
    const match = ({ labels }: Value): string =>
      keyOf(on === null ? labels : Object.fromEntries(on.map((label) => [label, labels[label] ?? ''])))
    const [mine, others] = [new Set(ours.map(match)), new Set(theirs.map(match))]
    if (op === 'or') return [...ours, ...theirs.filter((one) => !mine.has(match(one)))]
    return ours.filter((one) => others.has(match(one)) === (op === 'and'))
  }
  const single = (query: Query): boolean => query.kind === 'number' || query.kind === 'time'
  // By their labels: a text may have thousands of them, and each with each would take minutes.
  const alike = Map.groupBy(single(right) || single(left) ? [] : theirs, ({ labels }) => keyOf(labels))
  const pairs = ours.flatMap((one): (readonly [Value, Value, Labels])[] => {
    if (single(right)) return [[one, theirs[0]!, one.labels]]
    if (single(left)) return theirs.map((other) => [one, other, other.labels] as const)
    return (alike.get(keyOf(one.labels)) ?? []).map((other) => [one, other, one.labels] as const)
  })
  return pairs.flatMap(([{ value: a }, { value: b }, labels]) => {
    if (op === '-') return [{ labels, value: a - b }]
    if (op === '*') return [{ labels, value: a * b }]
    const holds = { '==': a === b, '!=': a !== b, '>': a > b, '<': a < b, '>=': a >= b, '<=': a <= b }[op]
    return holds ? [{ labels, value: a }] : []
  })
}

/** How much a counter grew in a window, its ends extrapolated as Prometheus does; null for fewer than two points. */
function increaseOf(all: readonly (readonly [number, number])[], at: number, seconds: number): number | null {
  const points = all.filter(([when]) => when > at - seconds && when <= at)
  if (points.length < 2) return null
  const [[firstAt, first], [lastAt]] = [points[0]!, points.at(-1)!]
  let grown = 0
  for (const [i, [, value]] of points.entries()) {
    const before = points[i - 1]?.[1]
    // A counter that fell began anew with its process.
    if (before !== undefined) grown += value < before ? value : value - before
  }
  const covered = lastAt - firstAt
  const step = covered / (points.length - 1)
  const near = (gap: number): number => (gap < step * 1.1 ? gap : step / 2)
  let start = near(firstAt - (at - seconds))
  // It cannot have been below zero.
  if (grown > 0 && first >= 0) start = Math.min(start, (covered * first) / grown)
  return grown * ((covered + start + near(at - lastAt)) / covered)
}

export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
