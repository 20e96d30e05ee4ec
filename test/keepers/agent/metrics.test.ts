// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import pkg from '../../../package.json' with { type: 'json' }

describe('metrics of a keeper', () => {
  const textOf = (options: { dht?: boolean } = {}): Promise<string> =>
    new KeeperMetrics({ process: false, ...options }).registry.metrics()

  it('start at zero for every error code and kind of transaction, so that the first of a kind is seen as a rise', async () => {
    const text = await textOf()
    for (const code of ['PENALISED', 'REORGANISED', 'UPDATE_REFUSED', 'WORKER', 'DOPPELGANGER']) {
      expect(text).to.contain(`cohort_errors_total{code="${code}"} 0`)
    }
    for (const kind of ['sent', 'replaced', 'confirmed', 'reorganised']) {
      expect(text).to.contain(`cohort_transactions_total{kind="${kind}"} 0`)
    }
  })

  it('say what runs', async () => {
    expect(await textOf()).to.contain(`cohort_build_info{version="${pkg.version}",node="${process.version}"} 1`)
  })

  it('speak of a DHT where there is one, and else do not', async () => {
    expect(await textOf()).to.not.contain('dht')
    const text = await textOf({ dht: true })
    expect(text).to.contain('cohort_dht_peers 0')
    expect(text).to.contain('cohort_dht_announcements_total{outcome="failed"} 0')
  })
})
