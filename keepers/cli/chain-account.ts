// SPDX-License-Identifier: GPL-3.0-or-later
// The account that a command acts with: a keystore file, a signer elsewhere, a browser's wallet, or one that a development node holds unlocked.
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { JsonRpcApiProvider, Signer } from 'ethers'
import type { SignerApi } from '../chain/index.ts'
import { UsageError } from './failure.ts'

/** An account whose key is not in this process. */
export type ElsewhereOptions = {
  /** URL of a remote signer. */
  readonly signer?: string
  readonly signerApi?: SignerApi
  readonly signerAddress?: string
  readonly signerTokenFile?: string
  readonly browser?: boolean
}

export type AccountOptions = ElsewhereOptions & {
  readonly keystore?: string
  readonly passphraseFile?: string
  /** Index among the node's own accounts. */
  readonly account?: number
}

/** Milliseconds for a person to confirm on a device. */
const CONFIRMING = 180_000

/** Adds the options of an account whose key is elsewhere. */
export function elsewhereOptions(command: Command): Command {
  return command
    .option('--signer <url>', 'act with an account of a remote signer, such as Clef with a hardware wallet', parseUrl)
    .addOption(
      new Option('--signer-api <kind>', 'the protocol of --signer')
        .choices(['clef', 'web3signer', 'json-rpc'])
        .default('clef'),
    )
    .option(
      '--signer-address <address>',
      'which account of the signer, or of the browser’s wallet (default: the only one; in a wallet, the chosen one)',
    )
    .option('--signer-token-file <file>', 'file of a bearer token for --signer')
    .option('--browser', 'act with a wallet of a browser on this machine (EIP-1193): prints an address to open')
}

/** Whether the options name an account whose key is elsewhere. */
export function isElsewhere({ signer, browser }: ElsewhereOptions): boolean {
  return signer !== undefined || browser === true
}

export type OpenedAccount = { readonly signer: Signer & { readonly address: string }; close(): void }

/** The account that {@link elsewhereOptions} name. @throws UsageError, SignerError, CommandError */
export async function openElsewhere(provider: JsonRpcApiProvider, options: ElsewhereOptions): Promise<OpenedAccount> {
  if (options.browser === true) {
    if (options.signer !== undefined) throw new UsageError('give --signer or --browser, not both')
    const [{ WalletDoor }, { BrowserAccount }] = await Promise.all([
      import('./browser/door.ts'),
      import('./browser/browser-account.ts'),
    ])
    const door = await WalletDoor.open()
    process.stderr.write(`  open this in the browser that has your wallet; it works once:\n  ${door.url}\n`)
    try {
      const signer = await BrowserAccount.connect(door, provider, { wanted: options.signerAddress })
      // Somebody who saw the address could have opened it first.
      process.stderr.write(`  acting as ${signer.address}; if that is not your account, stop here\n`)
      return { signer, close: () => door[Symbol.dispose]() }
    } catch (error) {
      door[Symbol.dispose]()
      throw error
    }
  }
  const { RemoteSigner, SignerAccount, withGasMargin } = await import('../chain/index.ts')
  const { signer: url, signerApi: api = 'clef', signerAddress, signerTokenFile: tokenFile } = options
  const place = { url: url!, api, timeout: CONFIRMING, tokenFile }
  const address = signerAddress ?? (await onlyAccount(new RemoteSigner({ ...place, address: `0x${'00'.repeat(20)}` })))
  const signer = withGasMargin(new SignerAccount(new RemoteSigner({ ...place, address }), provider))
  return { signer, close: () => undefined }
}

async function onlyAccount(signer: { accounts(): Promise<string[]> }): Promise<string> {
  const accounts = await signer.accounts()
  if (accounts.length === 1) return accounts[0]!
  throw new UsageError(`say which with --signer-address: the signer has ${accounts.join(', ') || 'no account'}`)
}

/** The account that the options name, or undefined when they name none. @throws UsageError, KeystoreError, SignerError */
export async function openAccount(
  provider: JsonRpcApiProvider,
  options: AccountOptions,
): Promise<{ readonly signer: Signer; close(): void } | undefined> {
  const { keystore, account } = options
  const named = [keystore !== undefined, account !== undefined, options.signer !== undefined, options.browser === true]
  if (named.filter(Boolean).length > 1) {
    throw new UsageError('give one of --keystore, --account, --signer and --browser')
  }
  const close = () => undefined
  if (isElsewhere(options)) return await openElsewhere(provider, options)
  if (account !== undefined) {
    const accounts = await provider.listAccounts()
    const signer = accounts[account]
    if (signer === undefined) {
      throw new UsageError(`--account ${account}: the node holds ${accounts.length} accounts unlocked`)
    }
    return { signer, close }
  }
  if (keystore === undefined) return undefined
  const { openKeystore, readPassphrase, withGasMargin } = await import('../chain/index.ts')
  const passphrase = () => readPassphrase({ file: options.passphraseFile, prompt: `Passphrase of ${keystore}: ` })
  return { signer: withGasMargin((await openKeystore(keystore, passphrase)).connect(provider)), close }
}

function parseUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new InvalidArgumentError('an http:// or https:// URL is needed.')
}
