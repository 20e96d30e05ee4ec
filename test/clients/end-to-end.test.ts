// SPDX-License-Identifier: GPL-3.0-or-later
// The end-to-end suite, as it is, on chain clients that we did not write: keepers that are killed in each state, are away, lose their endpoints
// and disks, meet members that lie and dispute keys; on anvil also commands and provers, which take the node's unlocked accounts (geth has one).
// What a client cannot do (only Hardhat's node and anvil take blocks back; the clock is set on Hardhat's alone) is skipped there by name. Not
// here: files that set balances or the clock of Hardhat's own node throughout (infer, keeper-relay), and the console.
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { findClient } from '../../scripts/demo/chain-client.ts'
import { runNode } from '../../scripts/run-node.ts'
import { tallyOf } from '../../scripts/test/tally.ts'

/** Files below test/e2e, and how many of their tests a client may skip. */
const FILES = { keeper: 1, 'keeper-faults': 0, 'keeper-key-disputes': 0 }
const CLIENTS = { anvil: { ...FILES, 'keeper-commands': 1, provers: 0 }, geth: FILES } as const
const MINUTES = 30

for (const [client, files] of Object.entries(CLIENTS) as [keyof typeof CLIENTS, Record<string, number>][]) {
  describe(`end to end on ${client}`, function () {
    this.timeout(MINUTES * 60_000)

    before(function () {
      if (findClient(client) === null) this.skip()
    })

    for (const [file, mostSkipped] of Object.entries(files)) {
      it(`passes test/e2e/${file}`, async () => {
        const mocha = [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--exit', join(ROOT, `test/e2e/${file}.test.ts`)]
        const env = { ...process.env, COHORT_CHAIN_CLIENT: client, FORCE_COLOR: '0' }
        const { code, output } = await runNode(['--disable-warning=ExperimentalWarning', ...mocha], { cwd: ROOT, env })
        expect(code, output).to.equal(0)
        const { passed, failed, skipped } = tallyOf(output)!
        expect([passed > 0, failed], output).to.deep.equal([true, 0])
        expect(skipped, output).to.be.at.most(mostSkipped)
        console.log(`      ${passed} passed, ${skipped} skipped`)
      })
    }
  })
}
