// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of deploy/monitoring speak of metrics that a keeper has, and fire when they should. Prometheus' own tool judges, where
// it is installed (Debian: prometheus).
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const FOLDER = join(ROOT, 'deploy/monitoring')
const RULES = readFileSync(join(FOLDER, 'rules.yml'), 'utf8')
const hasPromtool = spawnSync('promtool', ['--version']).status === 0

describe('monitoring', function () {
  this.timeout(60_000)

  it('has no rule about a metric that no keeper has, or an error code that none counts', async () => {
    const shown = await new KeeperMetrics({ process: false, signer: true, autonat: true }).registry.metrics()
    const own = new Set([...shown.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name))
    const named = new Set([...RULES.matchAll(/\bcohort_\w+/g)].map(([name]) => name))
    expect([...named].filter((name) => !own.has(name))).to.deep.equal([])
    expect(named.size).to.be.above(6)
    const codes = [...RULES.matchAll(/code[!=]~"([^"]+)"/g)].flatMap(([, list]) => list!.split('|'))
    for (const code of codes) expect(shown, code).to.contain(`cohort_errors_total{code="${code}"} 0`)
  })

  it('passes promtool check metrics', async function () {
    if (!hasPromtool) this.skip()
    const input = await new KeeperMetrics({ process: false, dht: true, signer: true, autonat: true }).registry.metrics()
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
    expect([status, `${stdout}${stderr}`]).to.deep.equal([0, ''])
  })

  it('fires each alert when it should, and not before', function () {
    if (!hasPromtool) this.skip()
    execFileSync('promtool', ['check', 'rules', join(FOLDER, 'rules.yml')])
    execFileSync('promtool', ['test', 'rules', join(FOLDER, 'rules.test.yml')])
    const alerts = [...RULES.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const tests = readFileSync(join(FOLDER, 'rules.test.yml'), 'utf8')
    for (const name of alerts) expect(tests, name).to.contain(`alertname: ${name}\n`)
    // And the tests notice a rule that is another: one that never fires.
    const folder = mkdtempSync(join(tmpdir(), 'cohort-rules-'))
    writeFileSync(join(folder, 'rules.test.yml'), tests)
    writeFileSync(join(folder, 'rules.yml'), RULES.replace('cohort_peers == 0', 'cohort_peers < 0'))
    const broken = spawnSync('promtool', ['test', 'rules', join(folder, 'rules.test.yml')], { encoding: 'utf8' })
    rmSync(folder, { recursive: true, force: true })
    expect(broken.status).to.not.equal(0)
    expect(broken.stderr + broken.stdout).to.contain('CohortAlone')
  })
})
