// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands that talk to a deployment share: their options, a checked connection, results and numbers as text.
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { JsonRpcProvider, Signer } from 'ethers'
import type { DeploymentFile } from '../chain/index.ts'
import { type AccountOptions, openAccount } from './chain-account.ts'
import { EXIT } from './failure.ts'

export type ChainOptions = AccountOptions & {
  readonly rpc: string
  readonly deployment: string
  readonly json?: boolean
}

export type ChainSession = {
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  /** Undefined when the options name no account: the command can only read. */
  readonly signer: Signer | undefined
}

/** No JSON-RPC endpoint answers at the URL. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly exitCode = EXIT.unavailable

  constructor(url: string, cause: unknown) {
    super(`no JSON-RPC endpoint answers at ${withoutSecrets(url)}: start the node, or set --rpc`, { cause })
  }
}

/** A subcommand with the options that all of them share. */
export function chainCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(new Option('--rpc <url>', 'JSON-RPC endpoint').env('COHORT_RPC_URL').default('http://127.0.0.1:8545'))
    .addOption(
      new Option('--deployment <file>', 'addresses, as `npx hardhat deploy` wrote them')
        .env('COHORT_DEPLOYMENT')
        .default('deploy/addresses/localhost.json'),
    )
    .option('--keystore <file>', 'encrypted key to act with')
    .option('--passphrase-file <file>', 'opens the keystore (else COHORT_PASSPHRASE, else asked for)')
    .option('--account <index>', 'act with an unlocked account of a development node', parseCountFromZero)
    .option('--json', 'print the result as JSON')
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
  const [{ FetchRequest, JsonRpcProvider }, http, https] = await Promise.all([
    import('ethers'),
    import('node:http'),
    import('node:https'),
  ])
  const endpoint = new FetchRequest(options.rpc)
  // A socket that is kept may be closed by the node just as the next call goes out, and a command makes few calls.
  const agent = options.rpc.startsWith('https:')
    ? new https.Agent({ keepAlive: false })
    : new http.Agent({ keepAlive: false })
  endpoint.getUrlFunc = FetchRequest.createGetUrlFunc({ agent })
  // No cache: a development chain mines within the quarter of a second for which ethers keeps answers.
  const provider = new JsonRpcProvider(endpoint, chainId, { cacheTimeout: -1, staticNetwork: false })
  try {
    await reachable(provider, options.rpc)
    await body({ provider, signer: await openAccount(provider, options) })
  } finally {
    provider.destroy()
  }
}

/** ethers would try for ever. */
async function reachable(provider: { send(method: string, params: []): Promise<unknown> }, url: string): Promise<void> {
  try {
    await provider.send('eth_chainId', [])
  } catch (cause) {
    throw new UnreachableError(url, cause)
  }
}

/** The result on stdout: JSON when --json was given, else the text. */
export function print(options: { readonly json?: boolean }, value: unknown, text: string): void {
  process.stdout.write(`${options.json === true ? toJson(value) : text}\n`)
}

/** JSON in which integers beyond 2^53 are decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2)
}

export function parseWord(text: string): string {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError('0x and 64 hexadecimal digits are needed.')
  return text
}

export function parseAddress(text: string): string {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new InvalidArgumentError('0x and 40 hexadecimal digits are needed.')
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

/** Keys in an endpoint's path or query stay out of messages. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the given URL'
}
