// SPDX-License-Identifier: GPL-3.0-or-later
// The table of examples in docs/services.md is the bench's last, and no example outgrows its plan.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { proceduralDigits } from '../../keepers/learning/index.ts'
import { exampleManifest } from '../../keepers/versions/index.ts'
import type { BenchRow } from '../../scripts/bench/harness.ts'
import { largestClippedShare } from '../../scripts/bench/services/growth.ts'
import { examplesTable, outgrown } from '../../scripts/bench/services/table.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'

describe('the examples of services', function () {
  this.timeout(60_000)
  const file = readFileSync(join(ROOT, 'bench/results/services.json'), 'utf8')
  const { rows }: { rows: readonly BenchRow[] } = JSON.parse(file)

  it('stand in the docs with the figures of the last bench', () => {
    const table = examplesTable(rows)
    expect(table.length).to.equal(2 + 6)
    expect(readFileSync(join(ROOT, 'docs/services.md'), 'utf8')).to.contain(`\n${table.join('\n')}\n`)
  })

  it('clip no more than 0.1 % of their weights over 50 rounds, by the last bench', () => {
    expect(outgrown(rows)).to.deep.equal([])
    const [some] = rows.filter(({ metric }) => metric.endsWith('.clipped'))
    expect(outgrown([{ ...some!, metric: 'services.mail.clipped', value: 0.11 }])).to.deep.equal([
      'mail: 0.11 % of the weights clipped',
    ])
  })

  it('are measured by rounds: a rate that is too high shows', async () => {
    const { train, test } = proceduralDigits({ seed: 1, train: 120, test: 20 })
    const manifest = exampleManifest('logistic', {})
    const { input } = manifest
    const sample = { train, test, input, task: manifest.task }
    const clipped = (learningRate: number) =>
      largestClippedShare(
        { ...manifest, rounds: { ...manifest.rounds, clipNorm: 10_000 } },
        { sample, rounds: 2, training: { epochs: 1, learningRate } },
      )
    expect(await clipped(0.002)).to.equal(0)
    expect(await clipped(20)).to.be.above(0.001)
  })
})
