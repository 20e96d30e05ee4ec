// SPDX-License-Identifier: GPL-3.0-or-later
// Which alerts of deploy/monitoring/rules.yml would fire for a keeper, by what was read of it so far.
import { span } from '../ui/format.ts'
import { durationOf, evaluate, keyOf, type Labels, parseQuery, type Query, Readings, windowOf } from './query.ts'

/** A rule as the file has it. */
export type Rule = {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Labels
  readonly annotations?: { readonly summary?: string }
}

/**
 * `fires`; `waits`: it holds, and fires if it goes on to for as long as the rule says; `quiet`; `unknown`: what was read does not reach back
 * as far as the rule looks.
 */
export type AlertState = 'fires' | 'waits' | 'quiet' | 'unknown'
export type Alert = {
  readonly name: string
  readonly severity: string
  readonly state: AlertState
  readonly labels: Labels
  /** What to do, or what is missing to know. */
  readonly text: string
}

/** A comparison that only gets harder to meet when less was read: what was not read can hide a cause, never make one up. */
const GROWS = new Set(['>', '>='])

type Ready = {
  readonly rule: Rule & { readonly alert: string }
  readonly query: Query
  readonly wait: number
  readonly window: number
}

export class Alerts {
  readonly readings: Readings
  readonly #records: ReadonlyMap<string, Query>
  readonly #alerts: readonly Ready[]

  /** @throws QueryError for rules in more of the language than is read here */
  constructor(rules: readonly Rule[]) {
    this.#records = new Map(
      rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, parseQuery(expr)] as const])),
    )
    this.#alerts = rules.flatMap((rule) => {
      if (rule.alert === undefined) return []
      const query = parseQuery(rule.expr)
      const wait = rule.for === undefined ? 0 : durationOf(rule.for)
      return [{ rule: { ...rule, alert: rule.alert }, query, wait, window: windowOf(query) }]
    })
    const queries = [...this.#records.values(), ...this.#alerts.map(({ query }) => query)]
    const longest = Math.max(...this.#alerts.map(({ wait, window }) => wait + window))
    this.readings = new Readings(queries.flatMap(namesOf), longest + durationOf('5m'))
  }

  /** Every alert of the rules as of the last reading, those that fire first. */
  at(now: number): Alert[] {
    const order: readonly AlertState[] = ['fires', 'waits', 'unknown', 'quiet']
    return this.#alerts
      .flatMap((one) => this.#states(one, now))
      .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  }

  #states({ rule, query, wait, window }: Ready, now: number): Alert[] {
    const { alert: name, labels: own = {}, annotations } = rule
    const base = { name, severity: own.severity ?? '', labels: {} }
    const watched = now - (this.readings.times[0] ?? now)
    const holding = evaluate(query, this.readings, now, this.#records)
    const short = window > 0 && watched < window
    if (short && !(holding.length > 0 && isGrowing(query))) {
      const text = `looks back ${span(window)}; watched for ${span(watched)} so far`
      return [{ ...base, state: 'unknown', text }]
    }
    if (holding.length === 0) return [{ ...base, state: 'quiet', text: '' }]
    return holding.map(({ labels, value }) => {
      const since = this.#since(query, keyOf(labels), now, wait)
      const summary = filled(annotations?.summary ?? '', labels, value)
      if (now - since >= wait) return { ...base, labels, state: 'fires', text: summary }
      const text = `${summary}: fires when it has been so for ${span(wait)}, seen for ${span(now - since)}`
      return { ...base, labels, state: 'waits', text }
    })
  }

  /** Since when it has held without a break, looked back as far as matters. */
  #since(query: Query, key: string, now: number, wait: number): number {
    let since = now
    for (const at of this.readings.times.toReversed()) {
      if (at > now) continue
      if (now - since >= wait) break
      if (!evaluate(query, this.readings, at, this.#records).some(({ labels }) => keyOf(labels) === key)) break
      since = at
    }
    return since
  }
}

function isGrowing(query: Query): boolean {
  return query.kind === 'binary' && GROWS.has(query.op)
}

function namesOf(query: Query): string[] {
  if (query.kind === 'select' || query.kind === 'window') return [query.selector.name]
  if (query.kind === 'sum') return namesOf(query.of)
  return query.kind === 'binary' ? [...namesOf(query.left), ...namesOf(query.right)] : []
}

/** `{{ with $labels.x }}{{ . }}{{ else }}…{{ end }}` of a label that may be missing. */
const WITH = /\{\{ with \$labels\.(\w+) \}\}\{\{ \. \}\}\{\{ else \}\}(.*?)\{\{ end \}\}/g

/** An annotation's text with its fields filled in. */
function filled(text: string, labels: Labels, value: number): string {
  const chosen = text.replaceAll(WITH, (_, label: string, otherwise: string) => labels[label] || otherwise)
  return chosen.replaceAll(/\{\{\s*(.*?)\s*\}\}/g, (_, field: string) => {
    if (field === '$value') return String(value)
    if (field === '$value | humanizeDuration') return humanised(value)
    return labels[/^\$labels\.(\w+)$/.exec(field)?.[1] ?? ''] ?? ''
  })
}

/** As Prometheus' humanizeDuration, of whole seconds. */
function humanised(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds))
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first)
  return `${seconds < 0 ? '-' : ''}${shown.map(([count, unit]) => `${count}${unit}`).join(' ')}`
}
