// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { accountKey } from '../../scripts/demo/accounts.ts'
import { TEST_ACCOUNTS, testAccountKeys } from '../../scripts/test-accounts.ts'

describe('the accounts of a local chain', () => {
  it('have the keys that ethers derives from the phrase, Hardhat’s own first', () => {
    const keys = testAccountKeys()
    expect(new Set(keys).size).to.equal(TEST_ACCOUNTS)
    for (const index of [0, 1, 19, 20, TEST_ACCOUNTS - 1]) expect(keys[index], `${index}`).to.equal(accountKey(index))
    expect(keys[0]).to.equal('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
  })
})
