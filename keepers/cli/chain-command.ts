// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the commands that talk to a deployment: their options, a checked connection, results and numbers as text.
import process from 'node:process'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Signer } from 'ethers'
import type { DeploymentFile, FailoverProvider } from '../chain/index.ts'
import { type AccountOptions, elsewhereOptions, openAccount } from './chain-account.ts'
import { CommandError, EXIT } from './failure.ts'
import { plainText } from './plain-text.ts'

export type ChainOptions = AccountOptions & {
  /** The preferred one first. */
  readonly rpc: readonly string[]
  readonly deployment: string
  readonly json?: boolean
}

export type ChainSession = {
  readonly provider: FailoverProvider
  readonly deployment: DeploymentFile
  /** Undefined when the options name no account: the command can only read. */
  readonly signer: Signer | undefined
}

/** Milliseconds over which a command asks its endpoints again before it ends with exit code 69: somebody may be waiting at a terminal. */
const PATIENCE_MS = 5_000

/** A subcommand with the options that all of them share. */
export function chainCommand(parent: Command, name: string, description: string): Command {
  const command = parent
    .command(name)
    .description(description)
    .addOption(
      new Option('--rpc <urls>', 'JSON-RPC endpoints with commas between them, the preferred one first')
        .env('COHORT_RPC_URL')
        .default(['http://127.0.0.1:8545'], 'http://127.0.0.1:8545')
        .argParser(parseEndpoints),
    )
    .addOption(
      new Option('--deployment <file>', 'addresses, as `npx hardhat deploy` wrote them')
        .env('COHORT_DEPLOYMENT')
        .default('deploy/addresses/localhost.json'),
    )
    .option('--keystore <file>', 'encrypted key to act with')
    .option('--passphrase-file <file>', 'file of the keystore’s passphrase (default: COHORT_PASSPHRASE, else a prompt)')
    .option('--account <index>', 'act with an unlocked account of a development node', parseCountFromZero)
  return elsewhereOptions(command).option('--json', 'print the result as JSON')
}

/** Opens deployment, endpoint and account, runs the body, and closes the connection whatever happens. */
export async function withChain(options: ChainOptions, body: (session: ChainSession) => Promise<void>): Promise<void> {
  const { readDeployment } = await import('../chain/index.ts')
  const deployment = await readDeployment(options.deployment)
  await withEndpoint(options, deployment.chainId, (session) => body({ ...session, deployment }))
}

/** The same for a command that needs no deployment file. Without a chain id, any chain will do. */
export async function withEndpoint(
  options: ChainOptions,
  chainId: number | undefined,
  body: (session: Omit<ChainSession, 'deployment'>) => Promise<void>,
): Promise<void> {
  const { FailoverProvider } = await import('../chain/index.ts')
  const { rpc } = options
  const found = await reached(rpc)
  const provider = new FailoverProvider({
    urls: rpc,
    chainId: BigInt(chainId ?? found),
    patience: PATIENCE_MS,
    onFailover: ({ from, to, reason }) => process.stderr.write(`  ${from} does not answer (${reason}): asking ${to}\n`),
    onLogSpan: ({ endpoint, blocks }) => process.stderr.write(`  ${endpoint} gives ${blocks} blocks of logs at once\n`),
  })
  let account: Awaited<ReturnType<typeof openAccount>>
  try {
    // Asked first, so that a wrong chain is reported as one.
    await provider.send('eth_chainId', [])
    account = await openAccount(provider, options)
    await body({ provider, signer: account?.signer })
  } finally {
    account?.close()
    provider.destroy()
  }
}

/** The chain of the first endpoint that answers. Each is asked once, so that nobody waits for a node that was never started. */
async function reached(rpc: readonly string[]): Promise<number> {
  const { ChainError, chainIdOf } = await import('../chain/index.ts')
  try {
    return await chainIdOf(rpc, PATIENCE_MS)
  } catch (error) {
    if (!(error instanceof ChainError)) throw error
    // Keys in a path or query stay out of messages.
    const named = rpc.map((url) => new URL(url).origin).join(', ')
    throw new CommandError(`no JSON-RPC endpoint answers at ${named}: start the node, or set --rpc`, EXIT.unavailable)
  }
}

/** The result on stdout: JSON when --json was given, else the text. */
export function print(options: { readonly json?: boolean }, value: unknown, text: string): void {
  process.stdout.write(`${options.json === true ? toJson(value) : plainText(text)}\n`)
}

/** JSON in which integers beyond 2^53 are decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2)
}

export function parseWord(text: string): string {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError('0x and 64 hexadecimal digits are needed.')
  return text
}

/** An address; its checksum (ERC-55) must fit when it is in mixed case. */
export function parseAddress(text: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new InvalidArgumentError('0x and 40 hexadecimal digits are needed.')
  const digits = text.slice(2)
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return text
  const hash = keccak_256(new TextEncoder().encode(digits.toLowerCase()))
  const checked = [...digits.toLowerCase()]
    .map((digit, i) => (((hash[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 8) !== 0 ? digit.toUpperCase() : digit))
    .join('')
  if (checked !== digits) throw new InvalidArgumentError('its checksum does not fit: was it mistyped?')
  return text
}

export function parseCountFromZero(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is needed.')
  return Number(text)
}

export function parseCount(text: string): number {
  const count = parseCountFromZero(text)
  if (count === 0) throw new InvalidArgumentError('a whole number from 1 is needed.')
  return count
}

function parseEndpoints(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim())
  const wrong = urls.find((url) => !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
  if (wrong !== undefined)
    throw new InvalidArgumentError('http:// or https:// URLs are needed, with commas between them.')
  return urls
}
