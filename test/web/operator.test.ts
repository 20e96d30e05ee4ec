// SPDX-License-Identifier: GPL-3.0-or-later
// The operator's screen judges by the rules that Prometheus gets, and comes to what Prometheus' own tool comes to.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { KeeperMetrics } from '../../keepers/agent/metrics.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Alerts, type Rule } from '../../web/src/operator/alerts.ts'
import { keeperUrl } from '../../web/src/operator/keeper.ts'
import { ADVICE, readLog } from '../../web/src/operator/log-lines.ts'
import { metricOf, parseMetrics, type Sample } from '../../web/src/operator/metrics.ts'
import { evaluate, parseQuery, Readings } from '../../web/src/operator/query.ts'

const FOLDER = join(ROOT, 'deploy/monitoring')
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')
const RULES = (parse(read('rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

type Case = {
  readonly eval_time: string
  readonly alertname: string
  readonly exp_alerts: readonly {
    readonly exp_labels: Record<string, string>
    readonly exp_annotations: { readonly summary: string }
  }[]
}
type Group = {
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly alert_rule_test: readonly Case[]
}

const MINUTE = 60

/** A series of promtool's notation, one value an interval: `3x4 0x60`, `0+5x60`, and `_x4` for four without a value. */
function valuesOf(notation: string): (number | undefined)[] {
  return notation.split(' ').flatMap((part) => {
    const [, missing] = /^_x(\d+)$/.exec(part) ?? []
    if (missing !== undefined) return new Array<undefined>(Number(missing)).fill(undefined)
    const [, start, step = '+0', times] = /^(-?\d+(?:\.\d+)?)([+-]\d+)?x(\d+)$/.exec(part)!
    return Array.from({ length: Number(times) + 1 }, (_, i) => Number(start) + i * Number(step))
  })
}

function minutesOf(time: string): number {
  const [, h = '0', m = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?$/.exec(time)!
  return 60 * Number(h) + Number(m)
}

/** The alerts as of a minute, after all readings up to it. */
function alertsAfter({ interval, input_series }: Group, minute: number, rules: readonly Rule[] = RULES) {
  const alerts = new Alerts(rules)
  const series = input_series.map(({ series: name, values }) => ({
    sample: parseMetrics(`cohort_x 0\n${name} 0`)[1]!,
    values: valuesOf(values),
  }))
  const step = minutesOf(interval)
  for (let i = 0; i * step <= minute; i++) {
    const samples = series.flatMap(({ sample, values }): Sample[] => {
      const value = values[i]
      return value === undefined ? [] : [{ ...sample, value }]
    })
    alerts.readings.add(i * step * MINUTE, samples)
  }
  return alerts.at(minute * MINUTE)
}

describe('the operator’s screen', () => {
  const groups = (parse(read('rules.test.yml')) as { tests: Group[] }).tests

  it('comes to what promtool comes to, for every case of the rules’ own tests', () => {
    let cases = 0
    for (const group of groups) {
      for (const { eval_time, alertname, exp_alerts } of group.alert_rule_test) {
        const fired = alertsAfter(group, minutesOf(eval_time)).filter(
          ({ name, state }) => name === alertname && state === 'fires',
        )
        const told = fired.map(({ labels, severity, text }) => ({ labels: { ...labels, severity }, text }))
        const expected = exp_alerts.map(({ exp_labels, exp_annotations }) => ({
          labels: exp_labels,
          text: exp_annotations.summary,
        }))
        expect(told, `${alertname} at ${eval_time}`).to.deep.equal(expected)
        cases++
      }
    }
    expect(cases).to.be.above(20)
  })

  it('and to something else with a rule that never fires', () => {
    const broken = RULES.map((rule) => (rule.alert === 'CohortAlone' ? { ...rule, expr: 'cohort_peers < 0' } : rule))
    const fired = alertsAfter(groups[0]!, 16, broken).filter(({ state }) => state === 'fires')
    expect(fired.map(({ name }) => name)).to.not.contain('CohortAlone')
    expect(alertsAfter(groups[0]!, 16).map(({ name, state }) => `${name} ${state}`)).to.contain('CohortAlone fires')
  })

  it('says of one reading what it cannot know, and claims no silence', async () => {
    const metrics = new KeeperMetrics({ process: false })
    metrics.member.set(1)
    metrics.balance.set(0.001)
    const alerts = new Alerts(RULES)
    alerts.readings.add(1_000_000, parseMetrics(await metrics.registry.metrics()))
    const states = new Map(alerts.at(1_000_000).map(({ name, state }) => [name, state]))
    expect(states.get('CohortPoor')).to.equal('waits')
    expect(states.get('CohortPenalised')).to.equal('unknown')
    expect(states.get('CohortNoRounds')).to.equal('unknown')
    expect(states.get('CohortNotMember')).to.equal('quiet')
  })

  it('does not hang, nor keep all that it was ever told, before a keeper that names other series each time', () => {
    const readings = new Readings(['cohort_a', 'cohort_b'], 600)
    const told = (turn: number, count: number): Sample[] =>
      ['cohort_a', 'cohort_b'].flatMap((name) =>
        Array.from({ length: count }, (_, i) => ({ name, labels: { peer: `${turn}/${i}` }, value: 2 * i })),
      )
    for (let turn = 0; turn < 100; turn++) readings.add(60 * turn, told(turn, 10))
    expect(readings.select({ name: 'cohort_a', matches: [] }).length).to.be.below(120)
    readings.add(6_000, told(100, 10_000))
    const before = performance.now()
    const query = parseQuery('cohort_a - cohort_b == 0 and cohort_a > 5 unless on (peer) cohort_b > 100')
    expect(evaluate(query, readings, 6_000, new Map()).length).to.equal(48 + 4 * 7)
    expect(performance.now() - before).to.be.below(5_000)
  })

  it('joins series as Prometheus does', () => {
    const readings = new Readings(['a', 'b'], 600)
    const one = (name: string, labels: Record<string, string>, value: number): Sample => ({ name, labels, value })
    readings.add(0, [one('a', { x: '1', y: '1' }, 1), one('a', { x: '2', y: '1' }, 2), one('b', { x: '1', z: '1' }, 3)])
    const values = (text: string) => evaluate(parseQuery(text), readings, 0, new Map()).map(({ value }) => value)
    expect(values('a and b')).to.deep.equal([])
    expect(values('a and on (x) b')).to.deep.equal([1])
    expect(values('a unless on (x) b')).to.deep.equal([2])
    expect(values('a or on (x) b')).to.deep.equal([1, 2])
    expect(values('b or on (x) a')).to.deep.equal([3, 2])
    expect(values('a and on () b')).to.deep.equal([1, 2])
    // `or` is the loosest, then `and` and `unless`, from the left.
    expect(values('b or a unless on (x) b')).to.deep.equal([3, 2])
    expect(values('a or b and on (x) a > 1')).to.deep.equal([1, 2])
    expect(values('2 * a - 1 > 1')).to.deep.equal([3])
  })

  it('reads what a keeper writes', async () => {
    const metrics = new KeeperMetrics({ dht: true, signer: true })
    metrics.peers.set(3)
    metrics.setPrivacy({ epsilon: null, outsideEpsilon: 2 } as Parameters<KeeperMetrics['setPrivacy']>[0])
    const samples = parseMetrics(await metrics.registry.metrics())
    expect(metricOf(samples, 'cohort_peers')).to.equal(3)
    expect(metricOf(samples, 'cohort_privacy_epsilon', { against: 'members' })).to.equal(Number.POSITIVE_INFINITY)
    expect(metricOf(samples, 'cohort_errors_total', { code: 'DISK_FULL' })).to.equal(0)
    expect(metricOf(samples, 'cohort_dht_nothing')).to.equal(null)
  })

  it('refuses other texts, and says where they are wrong', () => {
    const refused: readonly (readonly [string, string])[] = [
      ['', 'their names begin with cohort_'],
      ['node_load1 3', 'their names begin with cohort_'],
      ['cohort_peers 3\n<script>alert(1)</script>', 'line 2'],
      ['cohort_peers three', 'line 1'],
      ['cohort_peers{code=1} 3', 'name="value"'],
      ['cohort_peers{code="1} 3', 'name="value"'],
      [`cohort_peers 3\n${'#'.repeat(5 << 20)}`, 'characters'],
      ['cohort_peers 3\n'.repeat(20_001), 'more than 20000'],
    ]
    for (const [text, why] of refused) expect(() => parseMetrics(text), text.slice(0, 40)).to.throw(why)
    const [odd] = parseMetrics('cohort_x{__proto__="a",code="\\"}\\n",b="c",} -1.5e3 1700000000000')
    expect([odd!.value, odd!.labels.code, odd!.labels.b]).to.deep.equal([-1500, '"}\n', 'c'])
    expect(({} as { a?: unknown }).a).to.equal(undefined)
  })

  it('sends the token to this machine only', () => {
    for (const address of ['http://127.0.0.1:9464', ' http://localhost:1/ '])
      expect(keeperUrl(address).protocol).to.equal('http:')
    const elsewhere = [
      'http://evil.example:9464',
      'http://127.0.0.1.evil.example',
      'http://10.0.0.1:9464',
      'https://127.0.0.1',
    ]
    for (const address of [
      ...elsewhere,
      'http://me@127.0.0.1',
      'http://127.0.0.1/x',
      'http://127.0.0.1/?x',
      'keeper',
      '',
    ]) {
      expect(() => keeperUrl(address), address).to.throw('goes to this machine only')
    }
  })

  it('understands every rule, and says which part of the language it does not', () => {
    for (const { expr } of RULES) expect(() => parseQuery(expr), expr).to.not.throw()
    for (const text of [
      'avg(cohort_peers)',
      'cohort_peers ? 1',
      'cohort_peers >',
      'increase(cohort_x[5 min])',
      'a b',
    ]) {
      expect(() => parseQuery(text), text).to.throw(Error)
    }
  })

  it('explains the log: each event of a warning, and none that no keeper writes', () => {
    const sources = globSync('keepers/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'))
    const warned = /log\.(?:warn|error)\(\s*\{ event: '([^']+)'/g
    const events = new Set(sources.flatMap((source) => [...source.matchAll(warned)].map(([, name]) => name!)))
    expect(events.size).to.be.above(25)
    expect([...events].filter((name) => !Object.hasOwn(ADVICE, name))).to.deep.equal([])
    const all = sources.join('').toLowerCase()
    expect(Object.keys(ADVICE).filter((name) => !all.includes(`'${name}'`))).to.deep.equal([])
    const { entries, others } = readLog(
      [
        'npm notice: something else',
        '{"level":30,"time":"2026-01-01T00:00:00Z","event":"started","msg":"the keeper is running"}',
        '{"level":40,"event":"low balance","wei":"1","msg":"the operator has little gas left"}',
        '{"level":50,"event":"constructor","msg":5}',
        '[1]',
      ].join('\n'),
    )
    expect(others).to.equal(2)
    expect(entries.map(({ event, level, advice }) => [event, level, advice !== null])).to.deep.equal([
      ['constructor', 'error', false],
      ['low balance', 'warning', true],
      ['started', 'info', false],
    ])
    expect(entries[1]!.details).to.equal('{"wei":"1"}')
  })
})
