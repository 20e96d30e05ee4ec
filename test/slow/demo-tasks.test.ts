// SPDX-License-Identifier: GPL-3.0-or-later
// An amount and a text from the file to the hub: the demo's examples with keepers as processes, a release and a proven answer.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseOptions } from '../../scripts/demo/options.ts'
import type { DemoReport } from '../../scripts/demo/report.ts'
import { runDemo } from '../../scripts/demo/run.ts'
import { NoExampleError } from '../../scripts/examples/missing.ts'

const ROUNDS = 3

describe('a service from the file to the hub', function () {
  this.timeout(900_000)

  const reportOf = async (example: string): Promise<DemoReport | null> => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-tasks-'))
    try {
      const options = parseOptions(['--example', example, '--rounds', String(ROUNDS)])!
      let report: DemoReport | null = null
      await runDemo(options, folder, new AbortController().signal, async (made) => {
        report = made
      })
      return report
    } catch (error) {
      if (error instanceof NoExampleError) return null
      throw error
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  it('learns an amount, and the hub has it in its own unit', async () => {
    const { task, rounds, inference } = (await reportOf('diabetes'))!
    expect(task).to.deep.include({ kind: 'regression', unit: 'points' })
    expect(rounds.map(({ agreeing }) => agreeing)).to.deep.equal(Array(ROUNDS).fill(4))
    expect(rounds.at(-1)!.testAccuracy, 'R²').to.be.at.least(0.2)
    if (task.kind !== 'regression') throw new Error('an amount')
    const { mean, deviation } = task.target
    expect(inference.provenLabel).to.be.within(mean - 4 * deviation, mean + 4 * deviation)
    expect(Math.abs(inference.provenLabel - inference.trueLabel)).to.be.at.most(3 * deviation)
  })

  it('learns from text, and the hub has a class', async function () {
    const report = await reportOf('mail')
    if (report === null) return this.skip()
    expect(report.rounds.map(({ agreeing }) => agreeing)).to.deep.equal(Array(ROUNDS).fill(4))
    expect(report.rounds.at(-1)!.testAccuracy).to.be.at.least(0.85)
    expect(report.inference.provenLabel).to.equal(report.inference.trueLabel)
  })
})
