// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { JsonRpcProvider } from 'ethers'
import { ROOT } from '../bootstrap/paths.mjs'
import { freePort } from './ports.ts'
import type { Processes } from './processes.ts'

const READY_MS = 60_000
const POLL_MS = 100

/** A block each second, so that the chain's clock moves while nobody sends: deadlines pass as they do on a real chain. */
const BLOCK_INTERVAL_MS = 1_000

export type LocalChain = { readonly url: string; readonly provider: JsonRpcProvider }

const CONFIG = join(ROOT, 'scripts/demo/chain.config.ts')

/**
 * Networks of chain.config.ts that a node can be. The hasty one makes each transaction a block that is a second later than the
 * last: windows that somebody lets pass are over several times sooner, which is what tests want.
 */
const NETWORK = { punctual: 'node', hasty: 'hardhatMainnet' } as const

export type ChainOptions = {
  /** A free one unless told. */
  readonly port?: number | undefined
  /** Whether the chain keeps the clock's time; punctual unless told. */
  readonly pace?: keyof typeof NETWORK
}

/**
 * Starts Hardhat's node on the loopback interface and waits until it answers.
 * @throws OptionError when the asked port is in use
 */
export async function startLocalChain(processes: Processes, options: ChainOptions = {}): Promise<LocalChain> {
  const port = await freePort(options.port)
  const at = ['--hostname', '127.0.0.1', '--port', String(port), '--network', NETWORK[options.pace ?? 'punctual']]
  const url = `http://127.0.0.1:${port}`
  let failure: string | null = null
  const hardhat = [join(ROOT, 'node_modules/hardhat/dist/src/cli.js'), '--config', CONFIG]
  processes.start('chain', [...hardhat, 'node', ...at], {
    cwd: ROOT,
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
  await provider.send('evm_setIntervalMining', [BLOCK_INTERVAL_MS])
  return { url, provider }
}

async function answers(url: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
  return await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).then(
    (response) => response.ok,
    () => false,
  )
}
