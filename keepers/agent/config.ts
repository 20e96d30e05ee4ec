// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve as pathOf } from 'node:path'
import { isAddress } from 'ethers'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { withQueuePaths, workersSchema } from '../jobs/index.ts'
import { isLoopback, isWebRtc, PUBLIC, parseBootstrap, relayedAddress } from '../network/index.ts'
import { readManifestFile, type ServiceManifest, VersionError } from '../versions/index.ts'
import { contradictionInData, contradictionInTraining, dataSchema, trainingSchema } from './data-config.ts'
import { AgentError } from './errors.ts'
import { keysSchema, withPaths } from './keys-config.ts'
import { monitoringSchema } from './page-access.ts'

const url = z.url({ protocol: /^https?$/, error: 'takes an http:// or https:// URL' })
const socketUrl = z.url({ protocol: /^wss?$/, error: 'takes a ws:// or wss:// URL' })
const address = z
  .string()
  .refine((text) => isAddress(text), 'takes an address: 0x and 40 hex digits, with a valid checksum if in mixed case')
const multiaddrText = z.string().regex(/^\/(ip4|ip6|dns4|dns6|dns)\/.+\/tcp\/\d+/, 'takes a TCP multiaddr')

const listenText = z
  .string()
  .refine(
    (text) => isWebRtc(text) || multiaddrText.safeParse(text).success,
    'takes a TCP multiaddr, or for browsers /ip4/…/udp/…/webrtc-direct',
  )

const bootstrapText = z.string().superRefine((text, context) => {
  if (text === PUBLIC) return
  try {
    parseBootstrap(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

const dhtSchema = z.strictObject({
  /** A client asks; a server also answers strangers and keeps records for them. */
  mode: z.enum(['client', 'server']).default('client'),
  /** Where to join: multiaddrs with a peer id, or `public` for the IPFS network's own. */
  bootstrap: z.array(bootstrapText).max(64),
  /** A DHT apart from the public one, of those that give the same prefix. */
  prefix: z
    .string()
    .max(100)
    .regex(/^(\/[a-z0-9][a-z0-9._-]*)+$/, 'takes a path such as /my-service')
    .refine((text) => text !== '/ipfs', '/ipfs is the public DHT: leave the prefix out to join that')
    .optional(),
  /** Hours between two announcements of every model held; records run out after 48. */
  announceHours: z.number().min(0.1).max(24).default(12),
})

const relayText = z.string().superRefine((text, context) => {
  try {
    relayedAddress(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

const natSchema = z.strictObject({
  /** Nodes through which others reach this keeper, the preferred one first: their addresses, with peer ids. */
  relays: z.array(relayText).max(4).default([]),
  /** Peer ids of the keepers for which this one is a relay. */
  serve: z
    .array(z.string().regex(/^(12D3KooW|Qm|16Uiu2)[1-9A-HJ-NP-Za-km-z]{39,45}$/, 'takes a peer id, such as 12D3KooW…'))
    .max(64)
    .default([]),
  /** Ask others whether they can dial this keeper, and dial back for those that ask. */
  autonat: z.boolean().default(false),
})

/** A service of the IPFS Pinning Service API that keeps the accepted models as well. */
const pinningSchema = z.strictObject({
  /** Where its API is, without /pins. */
  url: url
    .refine((text) => !URL.canParse(text) || new URL(text).search === '', 'takes a URL without a query')
    .refine(
      (text) => !URL.canParse(text) || text.startsWith('https:') || isLoopback(text),
      'takes https://: anybody on the way could read the access token',
    ),
  /** File of the access token. */
  tokenFile: z.string().min(1),
})

/** Chains of one node, which never reorganise: Hardhat's and Ganache's. */
const DEVELOPMENT_CHAINS: ReadonlySet<number> = new Set([31_337, 1_337])
/** Fewest blocks that a draft must be deep before a share is given, elsewhere. */
const FINAL_ENOUGH = 3

const schema = z.strictObject({
  chain: z
    .strictObject({
      id: z.int().positive(),
      rpc: z.array(url).min(1, 'needs at least one endpoint'),
      /** The endpoint of `rpc` that the operator runs: its word alone settles what otherwise takes two endpoints. */
      own: url.optional(),
      /** Where blocks are announced (`eth_subscribe` over WebSocket), so that the keeper need not ask before there is one. */
      heads: socketUrl.optional(),
      /** Block in which the service was deployed: where its history starts. */
      fromBlock: z.int().min(0).default(0),
      /** Blocks a transaction must be deep before it counts; default 3, on a development chain 1. */
      confirmations: z.int().min(1).max(64).optional(),
      /**
       * With it, a fact on which others' secrets or stakes depend must also be in a block that the chain calls `safe` or `finalized`. The
       * windows must be long enough for that.
       */
      finality: z.enum(['safe', 'finalized']).optional(),
      pollSeconds: z.number().min(0.05).max(60).default(2),
      /** Most blocks in one request for logs. The keeper detects endpoints that allow fewer. */
      logBlocks: z.int().min(1).max(1_000_000).optional(),
      maxFeeGwei: z.number().positive().default(500),
      /** Seconds without being mined before a transaction's fee is raised. */
      replaceAfterSeconds: z.number().positive().default(60),
      /** Seconds without any answer of any endpoint before the keeper gives up. */
      patienceSeconds: z.number().positive().default(300),
    })
    .superRefine(({ id, rpc, own, confirmations }, context) => {
      if (own !== undefined && !rpc.includes(own)) {
        const message = `${own} is not in chain.rpc: add it there, or leave chain.own out`
        context.addIssue({ code: 'custom', path: ['own'], message })
      }
      if (confirmations === undefined || confirmations >= FINAL_ENOUGH || DEVELOPMENT_CHAINS.has(id)) return
      const message =
        `${confirmations} is too few on chain ${id}: a reorganisation could undo a draft after the share is sent; set ` +
        `${FINAL_ENOUGH} or more (fewer only on the development chains ${[...DEVELOPMENT_CHAINS].join(' and ')})`
      context.addIssue({ code: 'custom', path: ['confirmations'], message })
    })
    .transform((chain) => ({
      ...chain,
      confirmations: chain.confirmations ?? (DEVELOPMENT_CHAINS.has(chain.id) ? 1 : FINAL_ENOUGH),
    })),
  service: z.strictObject({
    address,
    /** File of the service's manifest, which is the same for all members. */
    manifest: z.string().min(1).default('manifest.json'),
    /** File of the weights before the first round, for a manifest that names one by its CID. */
    weights: z.string().min(1).default('weights.onnx'),
    /** File of the strategy's module, for a manifest that names one by its hash; strategy.cjs in the folder, if it is there. */
    strategy: z.string().min(1).optional(),
  }),
  /** For a service that measures contributions: how many members sit out each round, as its campaign says. Off unless given. */
  rota: z.strictObject({ perRound: z.int().min(1).max(16) }).optional(),
  keys: keysSchema.prefault({}),
  /** Who sends this keeper's signed steps, so that it needs no coins. Off unless given. */
  relay: z
    .strictObject({
      /** The preferred one first. */
      urls: z.array(url).min(1, 'needs at least one relayer, or leave relay out').max(8),
      /** Most seconds for one relayer. It never gets more than its part of the step's window. */
      patienceSeconds: z.number().min(1).max(3_600).default(120),
    })
    .optional(),
  network: z
    .strictObject({
      listen: z
        .array(listenText)
        .min(1)
        .refine(([first]) => !isWebRtc(first!), 'takes a TCP address first: other keepers come by it')
        .default(['/ip4/127.0.0.1/tcp/4001']),
      announce: z.array(multiaddrText).default([]),
      /** Seconds to wait for one blob. */
      fetchSeconds: z.number().positive().default(60),
      /** Add up updates and shares together with the other members, slice by slice, as long as they agree: from six members on. */
      slices: z.boolean().default(true),
      /** Announce accepted models to a DHT, and look there for those that no member has. Off unless given. */
      dht: dhtSchema.optional(),
      /** For keepers that nobody can dial, and those through which they are reached. */
      nat: natSchema.optional(),
      /** Where blocks are given over HTTP to those who name them, such as the console in a browser. Off unless given. */
      gateway: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535) }).optional(),
    })
    .default({ listen: ['/ip4/127.0.0.1/tcp/4001'], announce: [], fetchSeconds: 60, slices: true }),
  ipfs: z.strictObject({ pinning: z.array(pinningSchema).max(8).default([]) }).default({ pinning: [] }),
  data: dataSchema,
  training: trainingSchema.prefault({}),
  /** The operator's own machines that take work off this one. Off unless given. */
  workers: workersSchema.optional(),
  monitoring: monitoringSchema.prefault({}),
  storage: z.strictObject({ keepRounds: z.int().min(2).default(3) }).default({ keepRounds: 3 }),
  log: z
    .strictObject({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info') })
    .default({ level: 'info' }),
})

type Settings = z.infer<typeof schema>
/** A keeper's config, paths absolute, with the manifest that it names. */
export type KeeperConfig = Omit<Settings, 'service'> & {
  /** Folder of the config file, absolute. */
  readonly folder: string
  readonly service: {
    readonly address: string
    readonly manifest: ServiceManifest
    readonly manifestFile: string
    readonly strategyFile: string | null
    /** Where the file lies that the manifest names for the weights before the first round, if it names one. */
    readonly weightsFile: string
  }
}

/** Where `init` puts the module that the service's manifest names. */
export const STRATEGY_FILE = 'strategy.cjs'

/** Name of the config file in a data folder. */
export const CONFIG_FILE = 'keeper.yaml'

/**
 * Parses a config, paths in it made relative to `folder`, and reads the manifest that it names.
 * @param manifest used instead of reading one, when the config's folder does not exist yet
 * @throws AgentError CONFIG naming key, value and fix
 */
export function parseConfig(text: string, folder: string, manifest?: ServiceManifest): KeeperConfig {
  const document = parseDocument(text, { prettyErrors: true })
  const syntax = document.errors[0]
  if (syntax) throw new AgentError('CONFIG', `${CONFIG_FILE}: ${syntax.message.split('\n')[0]}`)
  const result = schema.safeParse(document.toJS())
  if (!result.success) throw new AgentError('CONFIG', `${CONFIG_FILE}: ${result.error.issues.map(explain).join('; ')}`)
  const settings = result.data
  const resolve = (path: string): string => (isAbsolute(path) ? path : join(folder, path))
  const manifestFile = resolve(settings.service.manifest)
  const agreed = manifest ?? manifestAt(manifestFile)
  const wrong =
    contradictionInDht(settings.network) ??
    contradictionInData(settings.data, agreed) ??
    contradictionInTraining(settings.training, agreed)
  if (wrong !== null) throw new AgentError('CONFIG', `${CONFIG_FILE}: ${wrong}`)
  const { strategy, weights } = settings.service
  const fetched = agreed.strategy === undefined ? null : resolve(STRATEGY_FILE)
  const strategyFile =
    strategy === undefined ? (fetched !== null && existsSync(fetched) ? fetched : null) : resolve(strategy)
  settings.keys = withPaths(settings.keys, folder)
  if (settings.workers !== undefined) settings.workers = withQueuePaths(settings.workers, folder)
  for (const service of settings.ipfs.pinning) service.tokenFile = resolve(service.tokenFile)
  const { page } = settings.monitoring
  if (page !== undefined) page.tokenFile = resolve(page.tokenFile)
  if (settings.data.path !== undefined) settings.data.path = resolve(settings.data.path)
  if (settings.data.test !== undefined) settings.data.test = resolve(settings.data.test)
  return {
    ...settings,
    folder: pathOf(folder),
    service: {
      ...{ address: settings.service.address, manifest: agreed, manifestFile },
      ...{ strategyFile, weightsFile: resolve(weights) },
    },
  }
}

function manifestAt(file: string): ServiceManifest {
  try {
    return readManifestFile(file)
  } catch (cause) {
    if (!(cause instanceof VersionError)) throw cause
    throw new AgentError('CONFIG', `${CONFIG_FILE}: service.manifest: ${cause.message}`, { cause })
  }
}

function contradictionInDht({ dht, announce }: Settings['network']): string | null {
  if (dht === undefined) return null
  const { bootstrap, prefix, mode } = dht
  if (bootstrap.length === 0 && (prefix === undefined || mode === 'client')) {
    return `network.dht.bootstrap: [] leaves nobody to ask: give ${PUBLIC}, or an address of the DHT of your prefix`
  }
  if (prefix !== undefined && bootstrap.includes(PUBLIC)) {
    return `network.dht.bootstrap: ${PUBLIC} nodes do not speak ${prefix}: leave one of the two out`
  }
  if (prefix === undefined && announce.length === 0) {
    return 'network.announce: [] with the public DHT: give the address that others reach you at, or set network.dht.prefix'
  }
  return null
}

/** Reads a data folder's config. @throws AgentError CONFIG. */
export function loadConfig(folder: string): KeeperConfig {
  const file = join(folder, CONFIG_FILE)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AgentError('CONFIG', `cannot read ${file}: run \`cohort keeper init --data ${folder}\` first`, { cause })
  }
  return parseConfig(text, dirname(file))
}

function explain(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `"${path === '' ? key : `${path}.${key}`}"`).join(', ')
    return `unknown key ${keys}: check the spelling against the commented example`
  }
  return `${path || 'file'}: ${issue.message}`
}
