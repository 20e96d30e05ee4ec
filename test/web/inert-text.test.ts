// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { inert, inertEnds } from '../../web/src/ui/inert-text.ts'

describe('strangers’ text in the console', () => {
  it('loses control characters and marks that turn the direction of reading', () => {
    expect(inert('\u202Egnp.exe\u202C\u0000\u001b[31mred\u2066x')).to.equal('gnp.exe[31mredx')
  })

  it('keeps letters of every script, and tags as the characters they are', () => {
    expect(inert('Ünïcode 中文 עברית <script>alert(1)</script>')).to.equal(
      'Ünïcode 中文 עברית <script>alert(1)</script>',
    )
  })

  it('is cut to a length, without searching megabytes', () => {
    const megabytes = 'a'.repeat(5_000_000)
    const start = process.cpuUsage()
    for (let i = 0; i < 100; i++) expect(inert(megabytes, 20)).to.equal(`${'a'.repeat(20)}…`)
    // 100 searches of five megabytes take seconds.
    expect(process.cpuUsage(start).user).to.be.below(500_000)
    expect(inert('\u202E'.repeat(1000), 20)).to.equal('…')
    expect(inert('short', 20)).to.equal('short')
  })

  it('keeps its end where that matters, as the ether that a call sends', () => {
    const call = `Timelock.run(0x${'00'.repeat(5_000)}) with 5000.0 ether`
    expect(inertEnds(call, 600)).to.match(
      /^Timelock\.run\(0x0+ … \(9\d{3} characters more\) … 0+\) with 5000\.0 ether$/,
    )
    expect(inertEnds('short', 600)).to.equal('short')
  })

  it('is one line', () => {
    expect(inert('one\n\n  two\tthree')).to.equal('one two three')
  })
})
