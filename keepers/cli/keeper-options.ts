// SPDX-License-Identifier: GPL-3.0-or-later
// What the subcommands of `cohort keeper` share: options, the owner's session, results as text.
import { join } from 'node:path'
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ElsewhereOptions, elsewhereOptions, isElsewhere, openElsewhere } from './chain-account.ts'
import { UsageError } from './failure.ts'
import { plainText } from './plain-text.ts'

export type Common = { readonly data: string; readonly passphraseFile?: string; readonly json?: boolean }
export type OwnerOptions = Common &
  ElsewhereOptions & {
    readonly owner?: string
    readonly ownerPassphraseFile?: string
    /** Index among the accounts that a development node holds unlocked. */
    readonly account?: number
  }

const DEFAULT_FOLDER = join(process.env.HOME ?? '.', '.cohort', 'keeper')

/** A subcommand with the options of all of them. */
export function add(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--data <folder>', 'data folder of the keeper', DEFAULT_FOLDER)
    .option(
      '--passphrase-file <file>',
      'file of the operator keystore’s passphrase (default: COHORT_PASSPHRASE, else a prompt)',
    )
    .addOption(new Option('--json', 'print JSON'))
}

/** A subcommand that acts with the owner's key. */
export function addOwner(parent: Command, name: string, description: string): Command {
  const command = add(parent, name, description)
    .option('--owner <keystore>', "the owner's keystore (default: owner.json in the data folder)")
    .option('--owner-passphrase-file <file>', "file of the owner keystore's passphrase (default: the operator's)")
    .option('--account <index>', 'the owner is an unlocked account of a development node', integer)
  return elsewhereOptions(command)
}

export async function withOwner(
  options: OwnerOptions,
  body: (
    session: import('../agent/index.ts').OwnerSession,
    config: import('../agent/index.ts').KeeperConfig,
  ) => Promise<void>,
): Promise<void> {
  const agent = await import('../agent/index.ts')
  const config = agent.loadConfig(options.data)
  const session = await agent.openOwnerSession(config, await ownerOf(options, config))
  try {
    await body(session, config)
  } finally {
    session.close()
  }
}

async function ownerOf(
  options: OwnerOptions,
  config: import('../agent/index.ts').KeeperConfig,
): Promise<import('../agent/index.ts').OwnerAccount> {
  const named = [options.account !== undefined, options.owner !== undefined, isElsewhere(options)]
  if (named.filter(Boolean).length > 1) throw new UsageError('give one of --owner, --account, --signer and --browser')
  if (options.account !== undefined) return { account: options.account }
  if (isElsewhere(options)) return { open: (provider) => openElsewhere(provider, options) }
  const { readPassphrase, openKeystore } = await import('../chain/index.ts')
  const file = options.ownerPassphraseFile ?? options.passphraseFile ?? config.keys.passphraseFile
  const passphrase = await readPassphrase({ file, prompt: "Passphrase of the owner's keystore: " })
  const wallet = await openKeystore(options.owner ?? join(options.data, 'owner.json'), passphrase)
  return { key: wallet.privateKey }
}

export function print(options: Common, value: Readonly<Record<string, unknown>> | object): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(value)}\n`)
    return
  }
  const entries = Object.entries(value)
  const width = Math.max(...entries.map(([key]) => key.length))
  for (const [key, item] of entries) {
    const shown = item === null ? '–' : typeof item === 'object' ? JSON.stringify(item) : String(item)
    process.stdout.write(plainText(`${key.padEnd(width)}  ${shown}\n`))
  }
}

export function integer(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('takes a whole number')
  return value
}
