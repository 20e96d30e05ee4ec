// SPDX-License-Identifier: GPL-3.0-or-later
// The account a DAO member acts with: a keystore file, or an account that a development node holds unlocked.
import type { JsonRpcApiProvider, Signer } from 'ethers'
import { UsageError } from './failure.ts'

export type AccountOptions = {
  readonly keystore?: string
  readonly passphraseFile?: string
  /** Index among the node's own accounts. */
  readonly account?: number
}

/** The signer that the options name, or undefined when they name none. @throws UsageError, KeystoreError */
export async function openAccount(provider: JsonRpcApiProvider, options: AccountOptions): Promise<Signer | undefined> {
  const { keystore, account } = options
  if (keystore !== undefined && account !== undefined) {
    throw new UsageError('give --keystore or --account, not both')
  }
  if (account !== undefined) {
    const accounts = await provider.listAccounts()
    const signer = accounts[account]
    if (signer === undefined) {
      throw new UsageError(`--account ${account}: the node holds ${accounts.length} accounts unlocked`)
    }
    return signer
  }
  if (keystore === undefined) return undefined
  const { openKeystore, readPassphrase } = await import('../chain/index.ts')
  const passphrase = () => readPassphrase({ file: options.passphraseFile, prompt: `Passphrase of ${keystore}: ` })
  return (await openKeystore(keystore, passphrase)).connect(provider)
}
