// SPDX-License-Identifier: GPL-3.0-or-later
// The random calls of test/contracts/invariants, five times as many as `npm test` makes and from another seed.
import { join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { runNode } from '../../scripts/run-node.ts'
import { tallyOf } from '../../scripts/test/tally.ts'

const CALLS = 31_500
const SEED = 20_261_201

describe('invariants of a service', function () {
  this.timeout(1_200_000)

  it(`hold over ${CALLS} random calls from another seed`, async () => {
    const hardhat = join(ROOT, 'node_modules/hardhat/dist/src/cli.js')
    const { output, code } = await runNode(
      [hardhat, 'test', 'mocha', '--no-compile', 'test/contracts/invariants/rounds.test.ts'],
      {
        cwd: ROOT,
        env: { ...process.env, COHORT_INVARIANT_CALLS: String(CALLS), COHORT_INVARIANT_SEED: String(SEED) },
      },
    )
    expect(code, output).to.equal(0)
    expect(tallyOf(output)).to.deep.equal({ passed: 3, failed: 0, skipped: 0 })
  })
})
