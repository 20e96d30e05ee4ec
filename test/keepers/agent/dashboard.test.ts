// SPDX-License-Identifier: GPL-3.0-or-later
// Every query of the Grafana dashboard, asked of a real Prometheus (Debian: prometheus) that scrapes a keeper's metrics.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

type Query = { title: string; expr: string }
type Panel = { id: number; type: string; title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number> } & {
  targets?: { expr: string }[]
  description?: string
}
const DASHBOARD = JSON.parse(readFileSync(join(ROOT, 'deploy/monitoring/grafana/keepers.json'), 'utf8')) as {
  panels: Panel[]
  annotations: { list: { name: string; expr: string }[] }
}
const panels = DASHBOARD.panels.filter(({ type }) => type !== 'row')
const queries: Query[] = [
  ...panels.flatMap(({ title, targets }) => targets!.map(({ expr }) => ({ title, expr }))),
  ...DASHBOARD.annotations.list.map(({ name, expr }) => ({ title: name, expr })),
]
/** Nothing to show while nothing goes wrong. */
const QUIET = ['Alerts', 'Errors', 'Not a member because']

/** A keeper's figures after a while: every metric has a value. */
function busyKeeper(): KeeperMetrics {
  const metrics = new KeeperMetrics({ dht: true, pinning: true, signer: true })
  metrics.setState('Training')
  metrics.setHoldOut({ accuracy: 0.9, loss: 0.3, figures: { f1: 0.9 } })
  metrics.setPrivacy({ epsilon: 2, outsideEpsilon: 1 } as Parameters<KeeperMetrics['setPrivacy']>[0])
  metrics.blockTime.set(Date.now() / 1000)
  return metrics
}

/** What a keeper adds to its counters between two scrapes. */
function work(metrics: KeeperMetrics): void {
  metrics.roundsCompleted.inc()
  metrics.stepsDone.inc({ step: 'reveal' })
  metrics.stepSeconds.observe({ step: 'reveal' }, 2)
  metrics.gas.inc({ step: 'reveal' }, 50_000)
  metrics.rpcRequests.inc({ method: 'eth_call' })
  metrics.bytesPublished.inc({ kind: 'update' }, 1000)
  metrics.bytesFetched.inc({ kind: 'update' }, 3000)
}

describe('dashboard', () => {
  it('speaks only of metrics that a keeper has, and explains each panel', async () => {
    const shown = await busyKeeper().registry.metrics()
    const own = new Set([...shown.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name))
    const named = queries.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:cohort|process)_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')),
    )
    expect(named.filter((name) => !own.has(name))).to.deep.equal([])
    for (const { title, description } of panels) expect(description, title).to.match(/\.$/)
  })

  it('has panels beside each other, none over another', () => {
    expect(new Set(DASHBOARD.panels.map(({ id }) => id)).size).to.equal(DASHBOARD.panels.length)
    const cells = DASHBOARD.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, k) => `${x + (k % w)}:${y + Math.floor(k / w)}`),
    )
    expect(new Set(cells).size).to.equal(cells.length)
    expect(Math.max(...DASHBOARD.panels.map(({ gridPos: { x, w } }) => x + w))).to.equal(24)
  })

  describe('in a real Prometheus', function () {
    this.timeout(60_000)
    const metrics = busyKeeper()
    let folder: string
    let keeper: Server
    let prometheus: ChildProcess | undefined
    let origin: string

    before(async function () {
      if (spawnSync('prometheus', ['--version']).status !== 0) this.skip()
      keeper = createServer(async (_, response) => {
        work(metrics)
        response.setHeader('content-type', metrics.registry.contentType).end(await metrics.registry.metrics())
      }).listen(0, '127.0.0.1')
      await once(keeper, 'listening')
      folder = mkdtempSync(join(tmpdir(), 'cohort-prometheus-'))
      const target = `127.0.0.1:${(keeper.address() as AddressInfo).port}`
      writeFileSync(
        join(folder, 'prometheus.yml'),
        JSON.stringify({
          global: { scrape_interval: '250ms', scrape_timeout: '250ms' },
          rule_files: [join(ROOT, 'deploy/monitoring/rules.yml')],
          scrape_configs: [{ job_name: 'cohort', static_configs: [{ targets: [target] }] }],
        }),
      )
      const port = await freePort()
      origin = `http://127.0.0.1:${port}`
      prometheus = spawn(
        'prometheus',
        [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: 'ignore' },
      )
      for (const deadline = Date.now() + 40_000; ; await sleep(200)) {
        const seen = await ask('increase(cohort_rounds_completed_total[1h])').catch(() => [])
        if (seen.length > 0) break
        if (Date.now() > deadline) throw new Error('Prometheus has scraped nothing in 40 s')
      }
    })
    after(async () => {
      prometheus?.kill()
      keeper?.close()
      if (prometheus !== undefined) await once(prometheus, 'exit')
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    })

    /** Series that answer a query. @throws with Prometheus' words when it is not one. */
    async function ask(expr: string): Promise<unknown[]> {
      const query = expr.replaceAll('$instance', '.*')
      const response = await fetch(`${origin}/api/v1/query?${new URLSearchParams({ query })}`)
      const said = (await response.json()) as { status: string; error?: string; data?: { result: unknown[] } }
      if (said.status !== 'success') throw new Error(`${expr}: ${said.error}`)
      return said.data!.result
    }

    it('every query gets an answer', async () => {
      for (const { title, expr } of queries) {
        const series = await ask(expr)
        if (!QUIET.includes(title)) expect(series.length, `${title}: ${expr}`).to.be.greaterThan(0)
      }
      // And a query that is none is told from one that is.
      expect(await ask('cohort_member{').catch((error: Error) => error.message)).to.match(/parse error/)
    })

    const troubles = [
      ['Errors', () => metrics.errors.inc({ code: 'DIVERGED' })],
      ['Not a member because', () => metrics.setNotMember('jail')],
    ] as const
    for (const [panel, happens] of troubles) {
      it(`"${panel}" shows something once there is something to show`, async () => {
        const { expr } = queries.find(({ title }) => title === panel)!
        expect(await ask(expr)).to.deep.equal([])
        happens()
        for (const deadline = Date.now() + 10_000; (await ask(expr)).length === 0; await sleep(200)) {
          expect(Date.now()).to.be.below(deadline)
        }
      })
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
