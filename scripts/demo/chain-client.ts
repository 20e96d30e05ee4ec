// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses the program for the local chain: Hardhat's node, which comes with the project, or another client that is installed here.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type JsonRpcProvider, toQuantity } from 'ethers'
import { ROOT } from '../bootstrap/paths.mjs'
import { accountSigner } from './accounts.ts'
import type { ChainClient } from './options.ts'
import { freePort } from './ports.ts'

/** How to start a client, and the steps after its first answer. */
export type ChainCommand = {
  /** Path of a program; Node itself when it is absent. */
  readonly program?: string
  readonly args: readonly string[]
  readonly prepare: (provider: JsonRpcProvider) => Promise<void>
}

/** Accounts of the test phrase with coins; Hardhat's node has twenty. */
const ACCOUNTS = 20
const COINS = 10n ** 21n

/** Gas of a block: Ethereum's since 2025. */
const BLOCK_GAS = 60_000_000

/**
 * The command of a client of others, on the loopback interface. Its blocks come at their time and not with each transaction.
 * @param folder where the client may write
 * @throws Error when the program is not installed
 */
export async function foreignClient(
  client: Exclude<ChainClient, 'hardhat'>,
  { port, blockSeconds, folder }: { port: number; blockSeconds: number; folder: string },
): Promise<ChainCommand> {
  const program = findClient(client)
  if (program === null) {
    throw new Error(`${client} is not installed: put it on the PATH, or set ${variableOf(client)} to its path`)
  }
  if (client === 'anvil') {
    const blocks = ['--block-time', String(blockSeconds), '--gas-limit', String(BLOCK_GAS)]
    const accounts = ['--accounts', String(ACCOUNTS), '--balance', '1000']
    return { program, args: ['--host', '127.0.0.1', '--port', String(port), ...blocks, ...accounts], prepare }
  }
  const quiet = ['--ipcdisable', '--nodiscover', '--maxpeers', '0', '--port', '0', '--verbosity', '2']
  const http = ['--http', '--http.addr', '127.0.0.1', '--http.port', String(port), '--http.api', 'eth,net,web3']
  const engine = ['--authrpc.port', String(await freePort())]
  const blocks = ['--dev', '--dev.period', String(blockSeconds), '--dev.gaslimit', String(BLOCK_GAS)]
  return { program, args: [...blocks, '--datadir', join(folder, 'geth'), ...quiet, ...http, ...engine], prepare: fund }
}

const prepare = () => Promise.resolve()

/** geth's development account has all coins, and is the only one that it signs for. */
async function fund(provider: JsonRpcProvider): Promise<void> {
  const [from] = (await provider.send('eth_accounts', [])) as string[]
  for (let index = 0; index < ACCOUNTS; index++) {
    const { address: to } = accountSigner(provider, index)
    await provider.send('eth_sendTransaction', [{ from, to, value: toQuantity(COINS) }])
  }
  const { address: last } = accountSigner(provider, ACCOUNTS - 1)
  for (const deadline = performance.now() + 60_000; (await provider.getBalance(last)) === 0n; ) {
    if (performance.now() > deadline) throw new Error('geth made no block in a minute')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const HARDHAT = [
  join(ROOT, 'node_modules/hardhat/dist/src/cli.js'),
  '--config',
  join(ROOT, 'scripts/demo/chain.config.ts'),
]

/** Hardhat's node, by the name of its network in chain.config.ts. */
export function hardhatClient(port: number, network: string, blockSeconds: number): ChainCommand {
  const at = ['--hostname', '127.0.0.1', '--port', String(port), '--network', network]
  return {
    args: [...HARDHAT, 'node', ...at],
    prepare: async (provider) => {
      await provider.send('evm_setIntervalMining', [blockSeconds * 1_000])
    },
  }
}

const variableOf = (client: ChainClient) => `COHORT_${client.toUpperCase()}`

/** Path of the client's program: from COHORT_ANVIL or COHORT_GETH, else from the PATH; null when it is not installed. */
export function findClient(
  client: Exclude<ChainClient, 'hardhat'>,
  env: NodeJS.ProcessEnv = process.env,
): string | null {
  const told = env[variableOf(client)]
  const places = told !== undefined ? [told] : (env.PATH ?? '').split(delimiter).map((folder) => join(folder, client))
  return (
    places.find((place) => {
      try {
        accessSync(place, constants.X_OK)
        return true
      } catch {
        return false
      }
    }) ?? null
  )
}
