// SPDX-License-Identifier: GPL-3.0-or-later
import { HDNodeWallet, type Provider, Wallet } from 'ethers'
import { withGasMargin } from '../../keepers/chain/index.ts'
import { TEST_PHRASE } from '../test-accounts.ts'

export { TEST_PHRASE }

/** Private key of a funded account of the local chain. */
export const accountKey = (index: number): string =>
  HDNodeWallet.fromPhrase(TEST_PHRASE, '', `m/44'/60'/0'/0/${index}`).privateKey

/** The account as a signer that needs no node to hold its key: a client of others has none of ours unlocked. */
export const accountSigner = (provider: Provider, index: number): Wallet =>
  withGasMargin(new Wallet(accountKey(index), provider))
