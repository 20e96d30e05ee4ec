// SPDX-License-Identifier: GPL-3.0-or-later
// Folders that a training program left without permissions, as somebody sees them who is not root.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { removeTree } from '../../../keepers/learning/external/remove-tree.ts'

/** Somebody without rights over the files of others. */
const NOBODY = 65_534

/** Runs as an ordinary user, if this process is root. */
function unprivileged(run: () => void): void {
  const isRoot = process.geteuid!() === 0
  if (isRoot) process.seteuid!(NOBODY)
  try {
    run()
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}

describe('what a training program leaves behind', () => {
  let outside: string
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'cohort-left-'))
    chmodSync(outside, 0o777)
  })
  afterEach(() => {
    chmodSync(join(outside, 'kept'), 0o700)
    rmSync(outside, { recursive: true, force: true })
  })

  /** A round's folder with a locked folder in a locked one, a link out of it, and something outside that stays as it is. */
  const leave = (): string => {
    const round = join(outside, 'round')
    const deep = join(round, 'locked', 'deeper')
    unprivileged(() => {
      mkdirSync(join(outside, 'kept'))
      writeFileSync(join(outside, 'kept', 'file'), 'x')
      chmodSync(join(outside, 'kept'), 0o500)
      mkdirSync(deep, { recursive: true })
      writeFileSync(join(deep, 'sample'), 'private')
      symlinkSync(join(outside, 'kept'), join(round, 'locked', 'link'))
      chmodSync(deep, 0)
      chmodSync(join(round, 'locked'), 0)
    })
    return round
  }

  it('is deleted, locked folders included; a link out of it is not followed', () => {
    const round = leave()
    unprivileged(() => {
      // The case is real: without opening the folders, samples stay.
      expect(() => rmSync(round, { recursive: true, force: true })).to.throw(/EACCES|ENOTEMPTY|EPERM/)
      removeTree(round)
    })
    expect(existsSync(round)).to.equal(false)
    expect(statSync(join(outside, 'kept')).mode & 0o777).to.equal(0o500)
    expect(existsSync(join(outside, 'kept', 'file'))).to.equal(true)
  })

  it('fails where somebody else owns it, and says so', function () {
    if (process.geteuid!() !== 0) return this.skip()
    const round = leave()
    chownSync(join(round, 'locked'), 0, 0)
    unprivileged(() => expect(() => removeTree(round)).to.throw(/EACCES|EPERM/))
    removeTree(round)
    expect(existsSync(round)).to.equal(false)
  })
})
