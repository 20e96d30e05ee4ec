// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { addTallies, failuresOf, formatTally, tallyOf } from '../../scripts/test/tally.ts'

describe('tally of a test run', () => {
  it('reads the closing counts of mocha', () => {
    expect(tallyOf('  12 passing (3s)\n  2 pending\n  1 failing\n')).to.deep.equal({
      passed: 12,
      failed: 1,
      skipped: 2,
    })
  })

  it('reads them through terminal colours', () => {
    expect(tallyOf('\u001b[92m \u001b[0m\u001b[32m 3 passing\u001b[0m')).to.deep.equal({
      passed: 3,
      failed: 0,
      skipped: 0,
    })
  })

  it('finds no tally in a run that ended before its summary', () => {
    expect(tallyOf('Error: Cannot find module')).to.equal(null)
  })

  it('is not fooled by a test that is named like a count', () => {
    expect(tallyOf('    ✔ rejects 5 passing votes\n  1 passing (2ms)\n')).to.deep.equal({
      passed: 1,
      failed: 0,
      skipped: 0,
    })
  })

  it('finds what failed, with its message, below the counts', () => {
    const failures =
      '  1) ballot\n       counts twice:\n     Error: 2\n      at ballot.ts:7\n\n\n\n  2) ballot\n       is late'
    const output = `    1) counts twice\n\n  5 passing (2s)\n  \u001b[31m2 failing\u001b[0m\n\n${failures}\n\n`
    expect(failuresOf(output)).to.equal(failures.replace('\n\n\n\n', '\n\n').trim())
    expect(failuresOf('    ✔ rejects 2 failing votes\n  1 passing (2ms)\n')).to.equal('')
  })

  it('sums and prints the closing line', () => {
    const sum = addTallies([
      { passed: 1, failed: 0, skipped: 2 },
      { passed: 3, failed: 1, skipped: 0 },
    ])
    expect(formatTally(sum)).to.equal('4 passed, 1 failed, 2 skipped')
  })
})
