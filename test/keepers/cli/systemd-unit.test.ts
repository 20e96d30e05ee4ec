// SPDX-License-Identifier: GPL-3.0-or-later
// The unit that operators copy. systemd's own tool judges it, where it is installed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'

const UNIT = readFileSync(join(ROOT, 'deploy/systemd/cohort-keeper.service'), 'utf8')
const PAGE = readFileSync(join(ROOT, 'docs/exit-codes.md'), 'utf8')
/** Of systemd-analyze's scale from 0 to 10, less is safer; an ordinary service has 9.6. */
const MOST_EXPOSED = 2

describe('the systemd unit', function () {
  this.timeout(30_000)

  it('restarts after no exit code that a restart cannot mend', () => {
    const [, prevented] = /^RestartPreventExitStatus=(.+)$/m.exec(UNIT)!
    expect(PAGE).to.contain(`\`RestartPreventExitStatus=${prevented}\``)
    // Of the table's codes, those that say no; 0 is no failure.
    const final = [...PAGE.matchAll(/^\| (\d+) \|.*\| (\*\*)?no\b/gm)]
      .map(([, code]) => code)
      .filter((code) => code !== '0')
    expect(prevented!.split(' ')).to.deep.equal(final)
  })

  it('is well-formed and confined, by systemd-analyze', function () {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) this.skip()
    const folder = mkdtempSync(join(tmpdir(), 'cohort-unit-'))
    const file = join(folder, 'cohort-keeper.service')
    // Node lies elsewhere where the tests run, perhaps at a path with a space; the tool looks whether it is there.
    symlinkSync(process.execPath, join(folder, 'node'))
    writeFileSync(file, UNIT.replace('/usr/bin/node', join(folder, 'node')))
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    const judged = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' })
    writeFileSync(file, UNIT.replace('ProtectSystem=strict', 'ProtectSystm=strict'))
    const misspelt = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    rmSync(folder, { recursive: true, force: true })
    expect([verified.status, `${verified.stdout}${verified.stderr}`]).to.deep.equal([0, ''])
    const [, exposure] = /exposure level for \S+: (\d+\.\d+)/.exec(judged.stdout)!
    expect(Number(exposure)).to.be.at.most(MOST_EXPOSED)
    expect(`${misspelt.stdout}${misspelt.stderr}`).to.contain('ProtectSystm')
  })
})
