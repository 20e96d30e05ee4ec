// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseUnits, Wallet } from 'ethers'
import { type DestinationStream, type Logger, pino } from 'pino'
import {
  type Clock,
  contractInterface,
  EventCursor,
  encodeAddress,
  FailoverProvider,
  openService,
  PeerBook,
  systemClock,
  TransactionQueue,
} from '../chain/index.ts'
import type { ModelSpec } from '../learning/index.ts'
import { DataPlane } from '../network/index.ts'
import { KeeperStore } from '../store/index.ts'
import { commitToWeights, specOf } from '../versions/index.ts'
import type { KeeperConfig } from './config.ts'
import type { AgentContext, Behaviour } from './context.ts'
import { dhtOf } from './dht.ts'
import { adoptSingleKey, heldEncryptionKeys } from './encryption-keys.ts'
import { EpochEngine } from './epoch.ts'
import { AgentError } from './errors.ts'
import { Facts } from './facts.ts'
import { HealthServer } from './health-server.ts'
import { AgentLoop } from './loop.ts'
import { keepYoungSpaceBound } from './memory.ts'
import { KeeperMetrics } from './metrics.ts'
import { GlobalModel } from './models.ts'
import { standardOutput } from './operations/logs.ts'
import { peerIdOf } from './peer-id.ts'
import { checkClock, checkDoppelganger, checkFunds, checkRegistered, checkServicePlan } from './preflight.ts'
import { privacySpent } from './privacy.ts'
import type { StateName } from './states.ts'
import { ensureEncryptionKey } from './steps/encryption-key.ts'
import { PEER_IDENTITY } from './steps/secrets.ts'
import { Trainer } from './training/trainer.ts'

export type DaemonOptions = {
  readonly folder: string
  readonly config: KeeperConfig
  /** The operator's private key; the owner's never comes here. */
  readonly operatorKey: string
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
  const clock = options.clock ?? systemClock
  const log = options.log ?? createLog(config.log.level)
  const wallet = new Wallet(options.operatorKey)
  const chainId = BigInt(config.chain.id)
  const metrics = new KeeperMetrics({ dht: config.network.dht !== undefined })
  await using cleanup = new AsyncDisposableStack()

  const store = KeeperStore.open({
    folder,
    passphrase: options.passphrase,
    binding: { chainId, service: config.service.address, operator: wallet.address },
    now: () => clock.now(),
  })
  cleanup.defer(() => store.close())
  // A keeper that cannot write cannot act: on a full disk this ends it here, with the store's own error.
  store.putRecord('started', clock.now())
  adoptSingleKey(store)
  const identitySeed = store.getSecret(PEER_IDENTITY)
  if (identitySeed === null || heldEncryptionKeys(store).length === 0) {
    throw new AgentError('NO_KEYS', `${folder} has no keeper keys: run \`cohort keeper init\` for it`)
  }

  const provider = new FailoverProvider({
    urls: config.chain.rpc,
    chainId,
    patience: config.chain.patienceSeconds * 1000,
    stopping: signal,
    clock,
    onFailover: (event) => log.warn({ event: 'failover', ...event }, 'using another RPC endpoint'),
    ...(config.chain.logBlocks === undefined ? {} : { logSpan: config.chain.logBlocks }),
    onLogSpan: (event) =>
      log.warn({ event: 'logs paged', ...event }, 'an RPC endpoint gives logs of fewer blocks at a time'),
  })
  cleanup.defer(() => provider.destroy())
  const contracts = await openService(config.service.address, provider)
  await checkClock(provider, clock)
  await checkFunds(provider, wallet.address)
  const owner = await checkRegistered(contracts, wallet.address)
  await checkDoppelganger(contracts, owner, { peerId: await peerIdOf(identitySeed) })

  const trainer = await Trainer.start(config, signal)
  cleanup.defer(() => trainer.stop())
  const { shard } = trainer
  log.info(
    { event: 'shard', samples: shard.samples, heldOut: shard.heldOut, parameters: shard.parameterCount },
    shard.announcement,
  )
  await checkServicePlan(contracts, config.service.profile, shard.parameterCount)
  const plane = await DataPlane.start({
    folder: join(folder, 'ipfs'),
    identitySeed,
    listen: config.network.listen,
    announce: config.network.announce,
    ...dhtOf(config.network.dht, metrics, log),
  })
  cleanup.defer(() => plane.stop())

  const spec = specOf(config.service.profile)
  checkPlan(spec, shard.initialWeights)
  const iface = contractInterface('ILearningService')
  const queue = new TransactionQueue({
    provider,
    wallet,
    log: store.transactions,
    chainId,
    interfaces: [iface, contractInterface('KeeperRegistry'), contractInterface('ModelRegistry')],
    fees: {
      maxFeePerGas: parseUnits(String(config.chain.maxFeeGwei), 'gwei'),
      replaceAfter: config.chain.replaceAfterSeconds * 1000,
    },
    confirmations: config.chain.confirmations,
    pollInterval: Math.max(50, (config.chain.pollSeconds * 1000) / 2),
    clock,
    onEvent: (event) => {
      metrics.transactions.inc({ kind: event.kind })
      log.debug({ event: `transaction ${event.kind}`, key: event.key, hash: event.hash }, 'transaction')
    },
  })
  await queue.resume(signal)

  const epochs = new EpochEngine()
  cleanup.defer(() => epochs.close())
  const context: AgentContext = {
    config,
    profile: config.service.profile,
    chainId,
    serviceAddress: config.service.address as `0x${string}`,
    operator: wallet.address,
    clock,
    store,
    plane,
    queue,
    contracts,
    endpoints: provider,
    facts: new Facts(iface, store.logs),
    peers: new PeerBook(contracts.service, contracts.registry, clock),
    epochs,
    model: new GlobalModel({
      store,
      plane,
      initial: shard.initialWeights,
      commit: (weights) => {
        const { commitment, clipped } = commitToWeights(spec, weights)
        if (clipped > 0)
          log.warn({ event: 'weights clipped', clipped }, 'weights outgrew the plan and were clipped to it')
        return commitment
      },
      fetchTimeout: config.network.fetchSeconds * 1000,
    }),
    trainer,
    metrics,
    remembered: { parameters: null, due: null },
    log,
    stopping: signal,
  }
  await announceAddress(context, owner)
  await ensureEncryptionKey(context, owner)
  const cursor = new EventCursor({
    provider,
    store,
    addresses: [config.service.address],
    fromBlock: config.chain.fromBlock,
  })
  const loop = new AgentLoop(context, cursor, options.behaviours)
  const health = await HealthServer.start(config.monitoring, {
    metrics: metrics.registry,
    health: () => {
      const behindSeconds = loop.lastLook === 0 ? 0 : (clock.now() - loop.lastLook) / 1000
      const { snapshot } = loop
      return {
        healthy: loop.lastLook > 0 && behindSeconds < Math.max(30, config.chain.pollSeconds * 10),
        state: snapshot?.state ?? null,
        epoch: snapshot?.epoch ?? 0,
        round: snapshot?.round ?? 0,
        seat: loop.seat,
        operator: wallet.address,
        peerId: plane.peerId,
        peers: plane.connections,
        block: snapshot?.block ?? 0,
        behindSeconds,
        model: context.model.accepted,
        privacy: privacySpent(context),
        lastError: loop.lastError,
      }
    },
  })
  cleanup.defer(() => health.stop())
  log.info(
    {
      event: 'started',
      operator: wallet.address,
      peerId: plane.peerId,
      addresses: plane.addresses,
      monitoring: health.port,
    },
    'the keeper is running',
  )
  await loop.run()
}

/** Refuses a model that its plan cannot commit to now rather than at the first vote. @throws AgentError CONFIG. */
function checkPlan(spec: ModelSpec, weights: Float32Array): void {
  try {
    commitToWeights(spec, weights)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    const what = `service.profile: ${spec.name} with samples of ${spec.inputShape.join('×')} has no provable form`
    throw new AgentError('CONFIG', `${what} (${reason}): choose another model or shape`, { cause })
  }
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
