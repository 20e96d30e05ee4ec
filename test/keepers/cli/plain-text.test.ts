// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { plainText } from '../../../keepers/cli/plain-text.ts'

describe('text for a terminal', () => {
  it('has no character that the terminal would obey, or that turns the direction of reading', () => {
    // Clears the line above and writes another; sets the title; reads backwards.
    const hostile = 'COH\u001b[1A\u001b[2K paid 1,000\u001b]0;x\u0007\u202e\u2066\u0000\r'
    expect(plainText(hostile)).to.equal('COH[1A[2K paid 1,000]0;x')
  })

  it('is as it was otherwise: lines, columns, other scripts', () => {
    const text = 'market  1\n\tpot 3 €, “größer” → 日本語 😀\n'
    expect(plainText(text)).to.equal(text)
  })
})
