// SPDX-License-Identifier: GPL-3.0-or-later

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { isReached, readCoverage, totalOf } from '../../scripts/check/coverage/report.ts'

// Line 3 of this file is a probe, line 5 another; 2, 4 and 6 are the contract's own.
const SOURCE = ['contract C {', 'function f() {', 'probe', 'a();', 'probe', 'b();'].join('\n')
const BRANCHES = [
  { originalLine: 2, side: 'if' as const, probeLine: 3 },
  { originalLine: 2, side: 'else' as const, probeLine: 5 },
]

describe('the coverage of runs that share the test files', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cohort-coverage-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  function project(name: string, hits: Readonly<Record<number, number>>) {
    const folder = join(root, name)
    mkdirSync(join(folder, 'contracts'), { recursive: true })
    mkdirSync(join(folder, 'coverage'))
    writeFileSync(join(folder, 'contracts', 'C.sol'), SOURCE)
    const records = Object.entries(hits).map(([line, count]) => `DA:${line},${count}\n`)
    writeFileSync(
      join(folder, 'coverage', 'lcov.info'),
      `TN:\nSF:contracts/C.sol\n${records.join('')}end_of_record\nSF:contracts/Other.sol\nDA:1,0\nend_of_record\n`,
    )
    return { folder, branches: new Map([['contracts/C.sol', BRANCHES]]) }
  }

  it('counts what any of them reached', () => {
    const one = project('1', { 2: 1, 3: 1, 4: 0, 5: 0, 6: 0 })
    const two = project('2', { 2: 1, 3: 0, 4: 1, 5: 0, 6: 0 })
    const [file, ...others] = readCoverage([one, two])
    expect(others, 'files without branches of ours').to.deep.equal([])
    expect(file).to.deep.equal({
      file: 'contracts/C.sol',
      lines: [2, 3],
      branches: [1, 2],
      missed: ['line: b();', 'else of line 2'],
    })
    expect(totalOf([file!], 'branches')).to.deep.equal({ hit: 1, all: 2, percent: 50 })
  })

  it('counts lines that one run did not see as missed', () => {
    const [file] = readCoverage([project('1', { 2: 1, 4: 1 })])
    expect(file).to.deep.include({ lines: [2, 2], branches: [0, 2] })
    expect(totalOf([], 'lines').percent).to.equal(100)
  })

  it('says so when a run left no record', () => {
    const silent = project('1', {})
    rmSync(join(silent.folder, 'coverage'), { recursive: true })
    expect(() => readCoverage([silent])).to.throw('lcov.info')
  })
  it('reach a floor by lines and by branches, and never without a branch', () => {
    const [file] = readCoverage([project('1', { 2: 1, 3: 1, 4: 1, 5: 0, 6: 1 })])
    expect(file).to.deep.include({ lines: [3, 3], branches: [1, 2] })
    expect([50, 51].map((floor) => isReached([file!], floor))).to.deep.equal([true, false])
    expect(isReached([{ ...file!, lines: [1, 3] }], 50)).to.equal(false)
    expect(isReached([{ ...file!, branches: [0, 0] }], 50)).to.equal(false)
    expect(isReached(readCoverage([]), 0)).to.equal(false)
  })
})
