// SPDX-License-Identifier: GPL-3.0-or-later
// The last step of a rotation, interrupted. The whole of it is in test/contracts/rounds/rotate.test.ts.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { putInPlace } from '../../../keepers/agent/operations/rotate.ts'

describe('agent: the next operator`s keystore', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-rotate-'))
    writeFileSync(join(folder, 'operator.json'), 'old')
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const put = () => putInPlace(join(folder, 'next.json'), join(folder, 'operator.json'), '0xAB')
  const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')

  it('comes in the place of the old one, which stays beside it', () => {
    writeFileSync(join(folder, 'next.json'), 'new')
    put()
    expect([textOf('operator.json'), textOf('operator.json.0xab')]).to.deep.equal(['new', 'old'])
    expect(existsSync(join(folder, 'next.json'))).to.equal(false)
  })

  it('leaves a keystore there when it is interrupted, so that rotating can be repeated', () => {
    expect(put).to.throw('ENOENT')
    expect(textOf('operator.json')).to.equal('old')
    writeFileSync(join(folder, 'next.json'), 'new')
    put()
    expect(textOf('operator.json')).to.equal('new')
  })
})
