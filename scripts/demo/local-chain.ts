// SPDX-License-Identifier: GPL-3.0-or-later
import { JsonRpcProvider } from 'ethers'
import { ROOT } from '../bootstrap/paths.mjs'
import { foreignClient, hardhatClient } from './chain-client.ts'
import { CHAIN_CLIENTS, type ChainClient } from './options.ts'
import { freePort } from './ports.ts'
import type { Processes } from './processes.ts'

const READY_MS = 60_000
const POLL_MS = 100

/** A block each second, so that the chain's clock moves while nobody sends: deadlines pass as they do on a real chain. */
const BLOCK_SECONDS = 1

export type LocalChain = {
  readonly url: string
  readonly provider: JsonRpcProvider
  /** Seconds that a transaction waits for its block at most: 0 where each makes its own. */
  readonly inclusionSeconds: number
}

/**
 * Networks of chain.config.ts that a node can be. The hasty one makes each transaction a block that is a second later than the
 * last: windows that somebody lets pass are over several times sooner, which is what tests want.
 */
const NETWORK = { punctual: 'node', hasty: 'hardhatMainnet' } as const

export type ChainOptions = {
  /** A free one unless told. */
  readonly port?: number | undefined
  /** Whether Hardhat's chain keeps the clock's time; punctual unless told. Others always do. */
  readonly pace?: keyof typeof NETWORK
  /** Hardhat's node unless told, here or by COHORT_CHAIN_CLIENT (`npm test -- clients` sets it for files of the end-to-end suite). */
  readonly client?: ChainClient | undefined
  /** Seconds between blocks; 1 unless told, here or by COHORT_BLOCK_SECONDS. */
  readonly blockSeconds?: number | undefined
}

/**
 * Starts a chain on the loopback interface and waits until it answers.
 * @throws OptionError when the asked port is in use; Error when the client is not installed
 */
export async function startLocalChain(processes: Processes, options: ChainOptions = {}): Promise<LocalChain> {
  const port = await freePort(options.port)
  const client = options.client ?? chainClientOf(process.env.COHORT_CHAIN_CLIENT)
  const blockSeconds = options.blockSeconds ?? Number(process.env.COHORT_BLOCK_SECONDS ?? BLOCK_SECONDS)
  const { program, args, prepare } =
    client === 'hardhat'
      ? hardhatClient(port, NETWORK[options.pace ?? 'punctual'], blockSeconds)
      : await foreignClient(client, { port, blockSeconds, folder: processes.folder })
  const url = `http://127.0.0.1:${port}`
  let failure: string | null = null
  processes.start('chain', args, {
    cwd: ROOT,
    program,
    onFailure: (message) => {
      failure = message
    },
  })
  const provider = new JsonRpcProvider(url, undefined, { staticNetwork: true, polling: true, cacheTimeout: -1 })
  const deadline = performance.now() + READY_MS
  while (!(await answers(url))) {
    if (failure !== null) throw new Error(failure)
    if (performance.now() > deadline)
      throw new Error(`the local chain did not answer on ${url} within ${READY_MS / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  await prepare(provider)
  return { url, provider, inclusionSeconds: client === 'hardhat' ? 0 : blockSeconds }
}

/** @throws Error for a client that nobody knows how to start */
function chainClientOf(name = 'hardhat'): ChainClient {
  const client = CHAIN_CLIENTS.find((known) => known === name)
  if (client === undefined) throw new Error(`COHORT_CHAIN_CLIENT '${name}': takes one of ${CHAIN_CLIENTS.join(', ')}`)
  return client
}

async function answers(url: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
  return await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).then(
    (response) => response.ok,
    () => false,
  )
}
