// SPDX-License-Identifier: GPL-3.0-or-later
// The whole path on chain clients that we did not write: deployment, rounds of real keepers, votes, an inference, a market. A client
// that is not installed is skipped by name: put it on the PATH, or name it by COHORT_ANVIL or COHORT_GETH.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type STEPS, simulatedGas } from '../../scripts/bench/clients/steps.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { findClient } from '../../scripts/demo/chain-client.ts'
import type { DemoReport } from '../../scripts/demo/report.ts'
import { runNode } from '../../scripts/run-node.ts'

/** Of the gas of a step beside the simulated chain: a draft is one transaction a round, and pays by who is in it. */
const GAS_TOLERANCE = 0.05
/** EIP-7825. */
const MOST_GAS = 2 ** 24

/** On each: seconds between blocks, and how long the whole may take. */
const CASES = [
  ['anvil', 1, 15],
  ['geth', 1, 15],
  ['geth', 12, 40],
] as const

for (const [client, blockSeconds, minutes] of CASES) {
  describe(`${client} with a block every ${blockSeconds} s`, function () {
    this.timeout(minutes * 60_000)
    let folder: string

    before(async function () {
      if (findClient(client) === null) this.skip()
      folder = await mkdtemp(join(tmpdir(), 'cohort-clients-'))
    })
    after(async () => {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    })

    it('deploys, completes two rounds, releases a version, proves an inference and settles a market', async () => {
      const out = join(folder, 'report.json')
      const args = ['--client', client, '--block-time', String(blockSeconds), '--model', 'logistic', '--rounds', '2']
      const { code, output } = await runNode([join(ROOT, 'scripts/demo/main.ts'), ...args, '--out', out], { cwd: ROOT })
      expect(code, output).to.equal(0)
      const report = JSON.parse(await readFile(out, 'utf8')) as DemoReport
      expect(report.rounds.map(({ agreeing }) => agreeing)).to.deep.equal([4, 4])
      expect(report.inference.provenLabel).to.be.within(0, 9)
      expect(report.market.outcome).to.equal('launched')
      for (const [step, simulated] of Object.entries(await simulatedGas())) {
        const { gas } = report.transactions[`LearningService.${step as keyof typeof STEPS}`]!
        const apart = Math.abs(gas / simulated - 1)
        expect(apart, `${step}: ${gas}, simulated ${simulated}`).to.be.below(GAS_TOLERANCE)
      }
      for (const [what, { gas }] of Object.entries(report.transactions)) expect(gas, what).to.be.below(MOST_GAS)
      console.log(`      rounds of ${report.rounds.map(({ seconds }) => seconds.toFixed(0)).join(' and ')} s`)
    })
  })
}
