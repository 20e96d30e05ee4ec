// SPDX-License-Identifier: GPL-3.0-or-later
// The account a DAO member acts with: a keystore file, or an account that a development node holds unlocked.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { JsonRpcApiProvider, Signer } from 'ethers'
import { EXIT } from './failure.ts'

export type AccountOptions = {
  readonly keystore?: string
  readonly passphraseFile?: string
  /** Index among the node's own accounts. */
  readonly account?: number
}

/** An account that cannot be used; says which option is wrong. */
export class AccountError extends Error {
  override readonly name = 'AccountError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The signer that the options name, or undefined when they name none. Throws AccountError. */
export async function openAccount(provider: JsonRpcApiProvider, options: AccountOptions): Promise<Signer | undefined> {
  const { keystore, account } = options
  if (keystore !== undefined && account !== undefined) {
    throw new AccountError('give --keystore or --account, not both', EXIT.usage)
  }
  if (account !== undefined) {
    const accounts = await provider.listAccounts()
    const signer = accounts[account]
    if (signer === undefined) {
      throw new AccountError(`--account ${account}: the node holds ${accounts.length} accounts unlocked`, EXIT.usage)
    }
    return signer
  }
  if (keystore === undefined) return undefined
  const json = await readFile(keystore, 'utf8').catch((cause: unknown) => {
    throw new AccountError(`--keystore ${keystore} cannot be read`, EXIT.noInput, { cause })
  })
  const { isKeystoreJson, Wallet } = await import('ethers')
  if (!isKeystoreJson(json))
    throw new AccountError(`--keystore ${keystore} is no Ethereum keystore (JSON, V3)`, EXIT.data)
  const passphrase = await readPassphrase(options.passphraseFile, keystore)
  try {
    return (await Wallet.fromEncryptedJson(json, passphrase)).connect(provider)
  } catch {
    // The cause is dropped on purpose: nothing about the key or the passphrase may reach a log.
    throw new AccountError(`the passphrase does not open ${keystore}`, EXIT.config)
  }
}

/** From --passphrase-file, from COHORT_PASSPHRASE, or asked for on a terminal without echo. */
async function readPassphrase(file: string | undefined, keystore: string): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new AccountError(`--passphrase-file ${file} cannot be read`, EXIT.noInput, { cause })
    })
    return text.replace(/\r?\n$/, '')
  }
  const fromEnvironment = process.env.COHORT_PASSPHRASE
  if (fromEnvironment !== undefined) return fromEnvironment
  if (!process.stdin.isTTY) {
    throw new AccountError('no passphrase: set COHORT_PASSPHRASE or give --passphrase-file', EXIT.usage)
  }
  process.stderr.write(`Passphrase of ${keystore}: `)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await new Promise<string>((resolve) => prompt.question('', resolve))
  } finally {
    prompt.close()
    process.stderr.write('\n')
  }
}
