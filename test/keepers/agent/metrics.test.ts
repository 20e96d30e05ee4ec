// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import pkg from '../../../package.json' with { type: 'json' }

describe('metrics of a keeper', () => {
  it('have figures of each class by name, of the last candidate alone', async () => {
    const metrics = new KeeperMetrics({ process: false })
    const score = { accuracy: 0.75, loss: 0.5, figures: { f1: 0.7 } }
    const one = { name: 'sick', samples: 4, recall: 0.75, precision: 1, f1: 0.857 }
    const none = { name: 'well', samples: 0, recall: null, precision: 0, f1: 0 }
    metrics.setHoldOut({ ...score, classes: [one, none] })
    const text = await metrics.registry.metrics()
    expect(text).to.contain('cohort_holdout_class_figure{class="sick",name="recall"} 0.75')
    expect(text).to.contain('cohort_holdout_class_figure{class="well",name="precision"} 0')
    expect(text).not.to.contain('class="well",name="recall"')
    metrics.setHoldOut(score)
    expect(await metrics.registry.metrics()).not.to.contain('class="sick"')
  })

  const textOf = (options: { dht?: boolean; pinning?: boolean } = {}): Promise<string> =>
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

  it('speak of pinning services where there are some, and else do not', async () => {
    expect(await textOf()).to.not.contain('pins')
    expect(await textOf({ pinning: true })).to.contain('cohort_remote_pins_total{outcome="failed"} 0')
  })
})
