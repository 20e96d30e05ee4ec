// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { MEASURED_COSTS, PROTOCOL } from '../../../keepers/sizing/index.ts'

const { rows } = JSON.parse(readFileSync(new URL('../../../bench/results/scale.json', import.meta.url), 'utf8')) as {
  rows: { metric: string; value: number; peerValue: number | null; ratio: number | null; note?: string }[]
}
const figureOf = (metric: string): number => rows.find((row) => row.metric === metric)?.value ?? Number.NaN

describe('costs of a simulated keeper', () => {
  it('are those that the bench measured, and so are the round trips', () => {
    for (const [name, cost] of Object.entries(MEASURED_COSTS)) {
      if (typeof cost === 'number') {
        expect(cost, name).to.be.closeTo(figureOf(`scale.fit.${name}`), 0.01 * cost)
        continue
      }
      for (const part of ['fixed', 'each'] as const) {
        expect(cost[part], `${name}.${part}`).to.be.closeTo(
          figureOf(`scale.operation.${name}.${part}`),
          0.01 * cost[part],
        )
      }
    }
    for (const name of ['dial', 'blob', 'level', 'part', 'again', 'dialBytes', 'askBytes'] as const) {
      expect(PROTOCOL[name], name).to.be.closeTo(figureOf(`scale.trips.${name}`), 0.05 * PROTOCOL[name])
    }
  })

  it('predict what was measured here: bytes within 5 %, processor time within 15 %, clock within 30 %', () => {
    const compared = rows.filter(({ metric }) => metric.startsWith('scale.compared.'))
    expect(compared.length).to.be.greaterThan(5)
    for (const { metric, ratio } of compared) {
      const tolerance = metric.endsWith('.processor') ? 0.15 : metric.endsWith('.seconds') ? 0.3 : 0.05
      expect(ratio, metric).to.be.closeTo(1, tolerance)
    }
  })
})
