// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve as pathOf } from 'node:path'
import { isAddress } from 'ethers'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import {
  type TrainerCommand,
  trainerCommandSchema,
  trainerEnvironmentSchema,
  trainerLimitsSchema,
} from '../learning/index.ts'
import { isLoopback, PUBLIC, parseBootstrap, relayedAddress } from '../network/index.ts'
import { readManifestFile, type ServiceManifest, takesDigits, VersionError } from '../versions/index.ts'
import { AgentError } from './errors.ts'
import { keysSchema, withPaths } from './keys-config.ts'
import { monitoringSchema } from './page-access.ts'

const url = z.url({ protocol: /^https?$/, error: 'takes an http:// or https:// URL' })
const address = z
  .string()
  .refine((text) => isAddress(text), 'takes an address: 0x and 40 hex digits, with a valid checksum if in mixed case')
const multiaddrText = z.string().regex(/^\/(ip4|ip6|dns4|dns6|dns)\/.+\/tcp\/\d+/, 'takes a TCP multiaddr')

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

const shardSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({
    kind: z.literal('dirichlet'),
    alpha: z.number().positive(),
    parts: z.int().min(1).max(256),
    index: z.int().min(0).max(255),
    seed: z.int().min(0).default(1),
  }),
  z.strictObject({
    kind: z.literal('iid'),
    parts: z.int().min(1).max(256),
    index: z.int().min(0).max(255),
    seed: z.int().min(0).default(1),
  }),
])

const dataSchema = z.strictObject({
  /**
   * `digits`: MNIST's IDX files in `path`, or the project's own procedural digits without one. `idx`: a folder of IDX files.
   * `csv`: a file with the columns that the manifest names. `images`: a folder with one sub-folder of pictures per class.
   * `tensor`: a file with the arrays that the manifest names (.npz, .safetensors, .json), or a folder of .npy files.
   * `none`: no samples; the keeper does all the rest of a member's work.
   */
  source: z.enum(['digits', 'idx', 'csv', 'images', 'tensor', 'none']),
  /** `judge`: all samples serve to judge candidates, and none to train. */
  use: z.enum(['train', 'judge']).default('train'),
  path: z.string().min(1).optional(),
  /** csv, images, tensor: samples of the same form that are not trained on, for reportTest. */
  test: z.string().min(1).optional(),
  /** The part of the files that belongs to this keeper. Real keepers have separate files and take `all`. */
  shard: shardSchema.default({ kind: 'all' }),
  /** Also measure accepted models on the test files. */
  reportTest: z.boolean().default(false),
  /** Use at most this many samples of the shard. */
  limit: z.int().min(10).optional(),
})

const trainingSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(1),
  batchSize: z.int().min(1).max(4096).default(32),
  optimizer: z.enum(['sgd', 'adam']).default('adam'),
  learningRate: z.number().positive().max(10).default(0.002),
  /** Learning rate is multiplied by this each round. */
  decay: z.number().positive().max(1).default(1),
  /** FedProx term; 0 = none. */
  proximalMu: z.number().min(0).default(0),
  seed: z.int().min(0).default(1),
  /** A program that replaces the keeper's own trainer; docs/trainers.md describes its input and output. */
  command: trainerCommandSchema.optional(),
  limits: trainerLimitsSchema.optional(),
  /** Environment variables of the program. */
  environment: trainerEnvironmentSchema.optional(),
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
      /** The one of them that the operator runs: its word alone settles what otherwise takes two of them. */
      own: url.optional(),
      /** Block in which the service was deployed: where its history starts. */
      fromBlock: z.int().min(0).default(0),
      /** Blocks a transaction must be deep before it counts; default 3, on a development chain 1. */
      confirmations: z.int().min(1).max(64).optional(),
      /**
       * With it, what others' secrets or stakes depend on must also be in a block that the chain calls so; the windows must be long enough for
       * that.
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
  keys: keysSchema.prefault({}),
  /** Who sends this keeper's signed steps, so that it needs no coins. Off unless given. */
  relay: z
    .strictObject({
      /** The preferred one first. */
      urls: z.array(url).min(1, 'needs at least one relayer, or leave relay out').max(8),
      /** Most seconds for one relayer, of at most its part of the step's window. */
      patienceSeconds: z.number().min(1).max(3_600).default(120),
    })
    .optional(),
  network: z
    .strictObject({
      listen: z.array(multiaddrText).min(1).default(['/ip4/127.0.0.1/tcp/4001']),
      announce: z.array(multiaddrText).default([]),
      /** Seconds to wait for one blob. */
      fetchSeconds: z.number().positive().default(60),
      /** Announce accepted models to a DHT, and look there for those that no member has. Off unless given. */
      dht: dhtSchema.optional(),
      /** For keepers that nobody can dial, and those through which they are reached. */
      nat: natSchema.optional(),
      /** Where blocks are given over HTTP to those who name them, such as the console in a browser. Off unless given. */
      gateway: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535) }).optional(),
    })
    .default({ listen: ['/ip4/127.0.0.1/tcp/4001'], announce: [], fetchSeconds: 60 }),
  ipfs: z.strictObject({ pinning: z.array(pinningSchema).max(8).default([]) }).default({ pinning: [] }),
  data: dataSchema,
  training: trainingSchema.prefault({}),
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
export type DataConfig = KeeperConfig['data']
export type TrainingConfig = KeeperConfig['training']

/** The program that trains in place of the keeper's own trainer, or null. */
export function trainerCommandOf({
  training,
  folder,
}: Pick<KeeperConfig, 'training' | 'folder'>): TrainerCommand | null {
  const { command, limits, environment = {} } = training
  if (command === undefined) return null
  return { command, environment, folder, limits: trainerLimitsSchema.parse(limits ?? {}) }
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
    contradictionInTraining(settings.training)
  if (wrong !== null) throw new AgentError('CONFIG', `${CONFIG_FILE}: ${wrong}`)
  const { strategy, weights } = settings.service
  const fetched = agreed.strategy === undefined ? null : resolve(STRATEGY_FILE)
  const strategyFile =
    strategy === undefined ? (fetched !== null && existsSync(fetched) ? fetched : null) : resolve(strategy)
  settings.keys = withPaths(settings.keys, folder)
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

function contradictionInTraining({ command, limits, environment }: Settings['training']): string | null {
  if (command !== undefined) return null
  if (limits !== undefined)
    return 'training.limits applies only to a program: add training.command, or remove training.limits'
  return environment === undefined
    ? null
    : 'training.environment applies only to a program: add training.command, or remove training.environment'
}

/** Forms that a source's samples have; a file of rows holds numbers or text. */
const FORM_OF = { digits: 'picture', idx: 'picture', images: 'picture', csv: 'table', tensor: 'tensor' } as const

function contradictionInData(data: DataConfig, { input, task }: ServiceManifest): string | null {
  const { source, shard, path, test, use } = data
  if (source === 'none') {
    const stray = { path, test, use: use === 'train' ? undefined : use, reportTest: data.reportTest || undefined }
    const key = Object.entries(stray).find(([, value]) => value !== undefined)?.[0]
    return key === undefined ? null : `data.${key}: source none has no samples: leave it out, or name a source`
  }
  if (shard.kind !== 'all' && shard.index >= shard.parts) {
    return `data.shard.index ${shard.index} must be below parts ${shard.parts}`
  }
  if (source !== 'digits' && data.path === undefined) return `data.path: source ${source} needs a path`
  const ownTest = source === 'csv' || source === 'images' || source === 'tensor'
  if (!ownTest && data.test !== undefined)
    return `data.test: source ${source} takes the test files from the same folder`
  if (ownTest && data.reportTest && data.test === undefined) return 'data.test: reportTest needs samples to report on'
  const form = input.kind === 'text' ? 'table' : input.kind
  if (form !== FORM_OF[source]) {
    const fitting = { table: 'csv', picture: 'idx or images', tensor: 'tensor' }[form]
    return `data.source: ${source} gives a ${FORM_OF[source]}, the service's manifest takes a ${input.kind}: use ${fitting}`
  }
  // Digits would be trained as garments without anybody noticing.
  if (source === 'digits' && !takesDigits({ input, task })) {
    const classes = task.kind === 'classification' ? task.classes : []
    const named = classes.length === 0 ? task.kind : classes.slice(0, 3).join(', ')
    return `data.source: digits are of the classes 0 to 9, the service's are others (${named}, …): use idx or images, or none`
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
