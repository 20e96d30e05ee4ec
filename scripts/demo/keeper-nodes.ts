// SPDX-License-Identifier: GPL-3.0-or-later
// Makes data folders, registers keepers and runs them as processes of their own: the way an operator would, shared by the
// demo and by the end-to-end tests.
import { join } from 'node:path'
import { parseEther } from 'ethers'
import { initKeeper, openOwnerSession, registerKeeperOnChain } from '../../keepers/agent/index.ts'
import { PASSPHRASE_VARIABLE } from '../../keepers/chain/index.ts'
import type { ServiceManifest } from '../../keepers/versions/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { startOf } from '../bootstrap/program.mjs'
import { freePort } from './ports.ts'
import type { Processes } from './processes.ts'

/** Keystores of the demo guard test keys only: cheap to open, so that 16 keepers start in seconds. */
const DEMO_SCRYPT_LOG2N = 12
const DEMO_PASSPHRASE = 'cohort demo: worthless test keys'

export type KeeperNode = {
  readonly name: string
  readonly folder: string
  readonly owner: string
  readonly ownerKey: string
  readonly operator: string
  /** -1 for a candidate. */
  readonly seat: number
  /** Base URL of /healthz and /metrics. */
  readonly monitoring: string
}

export type PrepareOptions = {
  readonly folder: string
  readonly rpc: readonly string[]
  readonly chainId: number
  readonly fromBlock: number
  readonly service: string
  /** Private keys of the owners, each with tokens for the stake and ether for gas; one keeper each. */
  readonly ownerKeys: readonly string[]
  /** Number of the first of them; 0 unless told. */
  readonly first?: number
  /** Whole tokens. */
  readonly stake: string
  readonly manifest: ServiceManifest
  /** The file of first weights that it names, if it does. */
  readonly start?: Uint8Array
  /** Config values by path, for keeper `index` of `count`. */
  readonly values: (index: number, count: number) => Readonly<Record<string, unknown>>
  readonly onProgress?: (text: string) => void
}

/** Data folders and registrations for all keepers. When the last has joined, a full service begins its key generation. */
export async function prepareKeepers(options: PrepareOptions): Promise<KeeperNode[]> {
  const { first = 0 } = options
  const count = first + options.ownerKeys.length
  const made = await Promise.all(
    options.ownerKeys.map(async (ownerKey, offset) => {
      const index = first + offset
      const name = `keeper-${index}`
      const folder = join(options.folder, name)
      const [listen, monitoring] = [await freePort(), await freePort()]
      const { config, operator } = await initKeeper({
        folder,
        passphrase: DEMO_PASSPHRASE,
        scryptLog2N: DEMO_SCRYPT_LOG2N,
        ownerKey,
        manifest: options.manifest,
        ...(options.start === undefined ? {} : { start: options.start }),
        values: {
          'chain.id': options.chainId,
          'chain.rpc': [...options.rpc],
          'chain.fromBlock': options.fromBlock,
          'chain.pollSeconds': 0.5,
          'service.address': options.service,
          'network.listen': [`/ip4/127.0.0.1/tcp/${listen}`],
          'monitoring.port': monitoring,
          ...options.values(index, count),
        },
      })
      return { name, folder, ownerKey, config, operator, monitoring: `http://127.0.0.1:${monitoring}` }
    }),
  )
  return Promise.all(
    made.map(async ({ config, ...node }) => {
      const session = await openOwnerSession(config, { key: node.ownerKey })
      try {
        options.onProgress?.(`registering ${node.name}`)
        const { seat } = await registerKeeperOnChain({
          session,
          folder: node.folder,
          passphrase: DEMO_PASSPHRASE,
          operator: node.operator,
          stake: parseEther(options.stake),
          fund: parseEther('10'),
        })
        // A candidate has none until it is drawn.
        return { ...node, owner: session.owner.address, seat: seat ?? -1 }
      } finally {
        session.close()
      }
    }),
  )
}

/** A line of a keeper's log: `event` says what happened. */
export type KeeperLine = { readonly event?: string; readonly msg?: string; readonly [key: string]: unknown }

/** A keeper process opens its keystore with this. */
export function keeperEnvironment(): NodeJS.ProcessEnv {
  return { [PASSPHRASE_VARIABLE]: DEMO_PASSPHRASE }
}

/** Starts `cohort keeper run` for a node. */
export function startKeeper(
  processes: Processes,
  node: KeeperNode,
  options: {
    onLine?: (line: KeeperLine) => void
    onFailure?: (message: string) => void
    env?: NodeJS.ProcessEnv
    before?: readonly string[] | undefined
  } = {},
): ReturnType<Processes['start']> {
  return processes.start(node.name, [join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'run', '--data', node.folder], {
    cwd: ROOT,
    env: { ...keeperEnvironment(), ...options.env },
    before: options.before,
    onLine: (text) => {
      const line = parseLine(text)
      if (line !== null) options.onLine?.(line)
    },
    ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
  })
}

/** Starts a keeper that spoils rounds, for a node: see spoiler.ts. It may end when it has nothing left to lose. */
export function startSpoiler(processes: Processes, node: KeeperNode): ReturnType<Processes['start']> {
  return processes.start(node.name, [startOf('scripts/demo/spoiler.ts'), node.folder], {
    cwd: ROOT,
    env: keeperEnvironment(),
  })
}

function parseLine(text: string): KeeperLine | null {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null ? (line as KeeperLine) : null
  } catch {
    return null
  }
}
