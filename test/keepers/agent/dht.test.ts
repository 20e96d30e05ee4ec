// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { pino } from 'pino'
import { dhtOf } from '../../../keepers/agent/dht.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'

describe('announcements to a DHT', () => {
  it('are none without one', () => {
    expect(dhtOf(undefined, new KeeperMetrics({ process: false }), pino({ level: 'silent' }))).to.deep.equal({})
  })

  it('that fail are counted each time and told once, until all went well', async () => {
    const lines: { level: number; event: string; reason?: string }[] = []
    const metrics = new KeeperMetrics({ process: false, dht: true })
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
    const { dht } = dhtOf({ mode: 'client', bootstrap: ['public'], announceHours: 6 }, metrics, log)
    const { onEvent: hear, ...rest } = dht!
    expect(rest).to.deep.equal({ mode: 'client', bootstrap: ['public'], announceEvery: 6 * 3_600_000 })
    if (hear === undefined) throw new Error('nobody listens')
    hear({ announced: 0, failed: 2, reason: 'no node of the DHT answers' })
    hear({ announced: 1, failed: 1, reason: 'not done after 120000 ms' })
    expect(lines.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
      { event: 'not announced', reason: 'no node of the DHT answers' },
    ])
    hear({ announced: 1, failed: 0, reason: null })
    hear({ announced: 0, failed: 1, reason: 'again' })
    expect(lines.map(({ reason }) => reason)).to.deep.equal(['no node of the DHT answers', 'again'])
    const text = await metrics.registry.metrics()
    expect(text).to.contain('cohort_dht_announcements_total{outcome="announced"} 2')
    expect(text).to.contain('cohort_dht_announcements_total{outcome="failed"} 4')
  })
})
