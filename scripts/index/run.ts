// SPDX-License-Identifier: GPL-3.0-or-later
// Starts Ponder on the project in index/, which is installed separately, so that the root's `npm ci` does not grow.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { JsonRpcProvider } from 'ethers'
import { contractInterface } from '../../keepers/chain/index.ts'
import { findNpm } from '../bootstrap/npm.mjs'
import { ROOT } from '../bootstrap/paths.mjs'

const FOLDER = join(ROOT, 'index')

export type IndexTerms = {
  /** JSON-RPC endpoints over HTTP. */
  readonly rpc: readonly string[]
  readonly services: readonly string[]
  readonly fromBlock: number
  readonly host: string
  readonly port: number
  /** Folder of its database. */
  readonly database: string
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

/** Runs the index until the signal is aborted. @throws Error when it cannot be installed, or ends by itself */
export async function runIndex({
  rpc,
  services,
  fromBlock,
  host,
  port,
  database,
  signal,
  say,
}: IndexTerms): Promise<void> {
  const chainId = await chainIdOf(rpc[0]!)
  await installIndex(say)
  await writeAbi()
  await mkdir(database, { recursive: true })
  const environment = {
    COHORT_INDEX_CHAIN: String(chainId),
    COHORT_INDEX_RPC: rpc.join(','),
    COHORT_INDEX_SERVICES: services.join(','),
    COHORT_INDEX_FROM_BLOCK: String(fromBlock),
    COHORT_INDEX_DATABASE: join(database, String(chainId)),
    PONDER_TELEMETRY_DISABLED: 'true',
  }
  const ponder = join(FOLDER, 'node_modules/ponder/dist/esm/bin/ponder.js')
  const words = ['start', '--root', FOLDER, '--schema', 'cohort', '--hostname', host, '--port', String(port)]
  const child = spawn(process.execPath, [ponder, ...words], {
    cwd: FOLDER,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const stop = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  say(`The index is on http://${host}:${port}/graphql until interrupted`)
  const [code] = (await once(child, 'exit')) as [number | null]
  signal.removeEventListener('abort', stop)
  if (!signal.aborted) throw new Error(`Ponder ended by itself with code ${code}; its messages are above`)
}

/** Installs what the index needs, unless it is there in the version that is wanted. */
export async function installIndex(say: (text: string) => void): Promise<void> {
  const { dependencies } = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  const isThere = Object.entries(dependencies).every(([name, version]) => {
    const file = join(FOLDER, 'node_modules', name, 'package.json')
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === version
  })
  if (isThere) return
  say('Installing Ponder into index/, the first time')
  // Scripts of packages are off, because none of them needs one.
  const words = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn(process.execPath, [findNpm(), ...words], { cwd: FOLDER, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`npm ci in index/ ended with code ${code}: is the registry within reach?`)
}

/** The service's events as types and data that Ponder reads. */
async function writeAbi(): Promise<void> {
  const entries = JSON.parse(contractInterface('ILearningService').formatJson()) as { readonly type: string }[]
  const events = entries.filter(({ type }) => type === 'event')
  await mkdir(join(FOLDER, 'generated'), { recursive: true })
  await writeFile(
    join(FOLDER, 'generated/service.ts'),
    `// Made by \`npm run index\` from the contract's artifact.\nexport const abi = ${JSON.stringify(events, null, 2)} as const\n`,
  )
}

async function chainIdOf(rpc: string): Promise<bigint> {
  const provider = new JsonRpcProvider(rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  try {
    return BigInt(await provider.send('eth_chainId', []))
  } catch (cause) {
    throw new Error(`--rpc ${rpc} does not answer: ${(cause as Error).message}`, { cause })
  } finally {
    provider.destroy()
  }
}
