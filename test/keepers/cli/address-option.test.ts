// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { InvalidArgumentError } from 'commander'
import { getAddress, hexlify, randomBytes } from 'ethers'
import { parseAddress } from '../../../keepers/cli/chain-command.ts'

describe('an option that takes an address', () => {
  it('takes one with its checksum, or without any', () => {
    for (let i = 0; i < 50; i++) {
      const plain = hexlify(randomBytes(20))
      for (const text of [plain, getAddress(plain), `0x${plain.slice(2).toUpperCase()}`]) {
        expect(parseAddress(text)).to.equal(text)
      }
    }
  })

  it('refuses one with a letter or a digit mistyped', () => {
    const good = getAddress('0x8ba1f109551bd432803012645ac136ddd64dba72')
    const wrongCase = good.replace(/[a-f]/, (letter) => letter.toUpperCase())
    const wrongDigit = good.replace('109', '108')
    for (const text of [wrongCase, wrongDigit])
      expect(() => parseAddress(text)).to.throw(InvalidArgumentError, /mistyped/)
    for (const text of ['0x12', 'vitalik.eth', `${good}0`, '']) expect(() => parseAddress(text)).to.throw(/40/)
  })
})
