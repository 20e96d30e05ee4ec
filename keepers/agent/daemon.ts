// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { type DestinationStream, type Logger, pino } from 'pino'
import {
  type Clock,
  contractInterface,
  EventCursor,
  encodeAddress,
  type FailoverProvider,
  type HeadWatch,
  openService,
  PeerBook,
  systemClock,
} from '../chain/index.ts'
import { Coverage, encodeManifest, openManifest } from '../versions/index.ts'
import {
  healthOf,
  identityOf,
  openGateway,
  openHeads,
  openModel,
  openPlane,
  openProvider,
  openQueue,
  openSender,
  openStore,
  type Surroundings,
  standingOf,
  troubleOf,
} from './assembly.ts'
import type { KeeperConfig } from './config.ts'
import type { AgentContext, Behaviour } from './context.ts'
import { controlVariate } from './control-variate.ts'
import { EpochEngine } from './epoch.ts'
import { AgentError } from './errors.ts'
import { Facts } from './facts.ts'
import { HealthServer } from './health-server.ts'
import { AgentLoop } from './loop.ts'
import { keepYoungSpaceBound } from './memory.ts'
import { KeeperMetrics } from './metrics.ts'
import { standardOutput } from './operations/logs.ts'
import { operatorOf } from './operator.ts'
import { pageAccessOf } from './page-access.ts'
import { peerIdOf } from './peer-id.ts'
import { checkClock, checkDoppelganger, checkFunds, checkServicePlan, checkSigner } from './preflight.ts'
import { updateSource } from './sources/source.ts'
import type { StateName } from './states.ts'
import { isManifestAgreed } from './steps/agreed-manifest.ts'
import { ensureEncryptionKey } from './steps/encryption-key.ts'
import { checkRegistered } from './steps/registered.ts'
import { homeLayers, openStrategy } from './strategy.ts'
import { noteShard } from './training/shard-notes.ts'
import { Trainer } from './training/trainer.ts'
import { claimHelper, noteJobs } from './workers.ts'

export type DaemonOptions = {
  readonly folder: string
  readonly config: KeeperConfig
  /** The operator's private key; null where `keys.remote` says who has it. The owner's never comes here. */
  readonly operatorKey: string | null
  readonly passphrase: string
  readonly signal: AbortSignal
  readonly clock?: Clock
  readonly log?: Logger
  /** Replaces the behaviour of some states: another strategy, or in tests a keeper that lies. */
  readonly behaviours?: Partial<Record<StateName, Behaviour>>
}

/** A log of JSON lines, on stdout unless told, without anything that looks like a secret. */
export function createLog(level: string, destination: DestinationStream = standardOutput()): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['passphrase', 'privateKey', 'secret', '*.passphrase', '*.privateKey', '*.secret'],
        remove: true,
      },
    },
    destination,
  )
}

/**
 * Runs a keeper until the signal is aborted. Everything is opened in order and closed in reverse, whatever happens.
 * @throws errors that end the keeper; `keeperExitCode` maps them.
 */
export async function runKeeper(options: DaemonOptions): Promise<void> {
  const { folder, config, signal } = options
  keepYoungSpaceBound()
  const parts = {
    clock: options.clock ?? systemClock,
    log: options.log ?? createLog(config.log.level),
    metrics: new KeeperMetrics({
      dht: config.network.dht !== undefined,
      pinning: config.ipfs.pinning.length > 0,
      signer: config.keys.remote !== undefined,
      autonat: config.network.nat?.autonat === true,
      workers: config.workers !== undefined,
    }),
  }
  const wallet = operatorOf(config.keys, options.operatorKey, parts)
  const surroundings: Surroundings = { ...{ folder, config, signal, wallet }, ...parts }
  await using cleanup = new AsyncDisposableStack()
  const { context, owner, provider, heads } = await openContext(surroundings, options.passphrase, cleanup)
  await announceAddress(context, owner)
  await ensureEncryptionKey(context, owner)
  const cursor = new EventCursor({
    provider,
    heads,
    store: context.store,
    addresses: [config.service.address],
    fromBlock: config.chain.fromBlock,
  })
  const loop = new AgentLoop(context, { cursor, heads }, options.behaviours)
  const standing = standingOf(context, loop)
  const health = await HealthServer.start(
    { ...config.monitoring, access: pageAccessOf(config.monitoring) },
    {
      metrics: async () => {
        await standing()
        return await context.metrics.registry.metrics()
      },
      health: async () => healthOf(context, loop, { notMember: await standing(), signer: troubleOf(wallet) }),
    },
  )
  cleanup.defer(() => health.stop())
  const { operator, plane, log } = context
  const gateway = await openGateway(config, plane)
  if (gateway !== null) cleanup.defer(() => gateway.stop())
  const { peerId, addresses } = plane
  const { webRtcAddresses: webRtc } = plane
  const doors = {
    ...{ monitoring: health.port, ...(gateway === null ? {} : { gateway: gateway.url }) },
    ...(webRtc.length === 0 ? {} : { webRtc }),
  }
  log.info({ event: 'started', operator, peerId, addresses, ...doors }, 'the keeper is running')
  // Node writes its compile cache when a process exits, which a killed keeper never gets to do. So write it now.
  flushCompileCache()
  await loop.run()
}

type Opened = {
  readonly context: AgentContext
  readonly owner: string
  readonly provider: FailoverProvider
  readonly heads: HeadWatch
}

/** Opens the parts of a keeper, and checks that it may run: clock, funds, registration, plan. */
async function openContext(
  surroundings: Surroundings,
  passphrase: string,
  cleanup: AsyncDisposableStack,
): Promise<Opened> {
  const { folder, config, wallet, clock, log, metrics, signal } = surroundings
  const { manifest, address } = config.service
  const store = openStore(surroundings, passphrase)
  cleanup.defer(() => store.close())
  const identitySeed = identityOf(store, folder)
  const provider = openProvider(surroundings)
  cleanup.defer(() => provider.destroy())
  const contracts = await openService(address, provider)
  const serviceAddress = address as `0x${string}`
  await isManifestAgreed({ clock, endpoints: provider, log, manifest, serviceAddress, contracts })
  await checkClock(provider, clock)
  await checkSigner(wallet, log)
  if (config.relay === undefined) await checkFunds(provider, wallet.address)
  const owner = await checkRegistered({
    ...{ contracts, clock, config, log },
    ...{ endpoints: provider, operator: wallet.address, stopping: signal },
  })
  await checkDoppelganger(contracts, owner, { peerId: await peerIdOf(identitySeed) })

  // Refuses a model that cannot be proven now rather than at the first vote.
  const model = await openManifest(manifest)
  const strategy = await openStrategy(config, model.spec)
  const note = noteJobs(log, metrics)
  const trainer = await Trainer.start(config, signal, note)
  cleanup.defer(() => trainer.stop())
  const { parameterCount, initialWeights } = trainer.shard
  noteShard(log, trainer.shard)
  metrics.setSamples(trainer.shard)
  const coverage = new Coverage(manifest.rounds, model.spec.parameters)
  await checkServicePlan(contracts, manifest.rounds, coverage.updateLength)
  const peers = new PeerBook(contracts.service, contracts.registry, clock)
  const plane = await openPlane(surroundings, identitySeed, peers)
  cleanup.defer(() => plane.stop())
  // For keepers that join: the chain gives them only its digest.
  await plane.publish(encodeManifest(manifest))
  if (manifest.model.weights !== undefined) await plane.publish(readFileSync(config.service.weightsFile))
  if (config.service.strategyFile !== null) await plane.publish(readFileSync(config.service.strategyFile))
  const heads = openHeads(surroundings, provider, cleanup)
  const own = await openQueue(surroundings, { provider, heads }, store)
  cleanup.defer(() => own.close())
  const queue = openSender(surroundings, { provider, heads, contracts, queue: own })
  const epochs = new EpochEngine(await claimHelper(config, note, cleanup))
  cleanup.defer(() => epochs.close())
  const source = await updateSource(config, model)
  const context: AgentContext = {
    ...(source === undefined ? {} : { source }),
    ...{ config, manifest, coverage, clock, store, plane, queue, contracts, epochs, trainer, metrics, log, strategy },
    home: homeLayers(store, strategy, model.spec),
    control: controlVariate(config, store, strategy, parameterCount),
    chainId: BigInt(config.chain.id),
    serviceAddress,
    operator: wallet.address,
    endpoints: provider,
    leaveEndpoint: (reason) => provider.leave(reason),
    facts: new Facts(contractInterface('ILearningService'), store.logs),
    peers,
    model: openModel(surroundings, model, { store, plane, initial: initialWeights }),
    remembered: { reread: null, parameters: null, agreed: null, due: null, final: null },
    stopping: signal,
  }
  return { context, owner, provider, heads }
}

/** Puts the address that others can reach us at into the registry, when it is another than last time. */
async function announceAddress(context: AgentContext, owner: string): Promise<void> {
  const address = context.plane.addresses[0]
  if (address === undefined) throw new AgentError('CONFIG', 'network.listen: nothing to listen on')
  const binary = encodeAddress(address)
  const { multiaddr } = await context.contracts.registry.keeperOf(owner)
  if (multiaddr === binary) return
  const to = await context.contracts.registry.getAddress()
  const data = contractInterface('KeeperRegistry').encodeFunctionData('setMultiaddr', [owner, binary])
  const key = `setMultiaddr/${randomBytes(8).toString('hex')}`
  await context.queue.send({ key, to, data }, context.stopping)
  context.log.info({ event: 'address changed', address }, 'told the registry where this keeper is reached')
}
