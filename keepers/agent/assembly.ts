// SPDX-License-Identifier: GPL-3.0-or-later
// The parts that a keeper is put together from, each opened from its configuration.
import { join } from 'node:path'
import { parseUnits } from 'ethers'
import type { Logger } from 'pino'
import {
  type Clock,
  contractInterface,
  FailoverProvider,
  type Head,
  HeadSubscription,
  HeadWatch,
  leaveStale,
  nodePost,
  type OperatorSigner,
  type PeerBook,
  RemoteSigner,
  type Sender,
  type ServiceContracts,
  steady,
  TransactionQueue,
} from '../chain/index.ts'
import { BlockGateway, DataPlane } from '../network/index.ts'
import { RelayedSender } from '../relay/index.ts'
import { KeeperStore } from '../store/index.ts'
import { commitApart, type PlannedModel } from '../versions/index.ts'
import type { KeeperConfig } from './config.ts'
import type { AgentContext } from './context.ts'
import { dhtOf } from './dht.ts'
import { adoptSingleKey, heldEncryptionKeys } from './encryption-keys.ts'
import { AgentError } from './errors.ts'
import type { Health } from './health-server.ts'
import type { AgentLoop } from './loop.ts'
import type { KeeperMetrics } from './metrics.ts'
import { GlobalModel } from './models.ts'
import { type NotMember, whyNotMember } from './operations/not-member.ts'
import { pinningOf } from './pinning.ts'
import { privacySpent } from './privacy.ts'
import { contradictionText } from './steps/contradiction.ts'
import { PEER_IDENTITY } from './steps/secrets.ts'

/** The arguments that every part takes. */
export type Surroundings = {
  readonly folder: string
  readonly config: KeeperConfig
  readonly wallet: OperatorSigner
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: KeeperMetrics
  readonly signal: AbortSignal
}

/** The data folder's database. @throws StoreError; a disk that is full ends the keeper here. */
export function openStore({ folder, config, wallet, clock }: Surroundings, passphrase: string): KeeperStore {
  const binding = { chainId: BigInt(config.chain.id), service: config.service.address, operator: wallet.address }
  const store = KeeperStore.open({ folder, passphrase, binding, now: () => clock.now() })
  try {
    // A keeper that cannot write cannot act.
    store.putRecord('started', clock.now())
    adoptSingleKey(store)
    return store
  } catch (error) {
    store.close()
    throw error
  }
}

/** The seed of the keeper's peer identity. @throws AgentError NO_KEYS for a folder that `init` did not make. */
export function identityOf(store: KeeperStore, folder: string): Uint8Array {
  const seed = store.getSecret(PEER_IDENTITY)
  if (seed !== null && heldEncryptionKeys(store).length > 0) return seed
  throw new AgentError('NO_KEYS', `${folder} has no keeper keys: run \`cohort keeper init\` for it`)
}

export function openProvider({ config, clock, log, metrics, signal }: Surroundings): FailoverProvider {
  return new FailoverProvider({
    urls: config.chain.rpc,
    own: config.chain.own,
    chainId: BigInt(config.chain.id),
    patience: config.chain.patienceSeconds * 1000,
    stopping: signal,
    clock,
    post: nodePost,
    onRequest: (method) => metrics.rpcRequests.inc({ method }),
    onFailover: (event) => log.warn({ event: 'failover', ...event }, 'using another RPC endpoint'),
    ...(config.chain.logBlocks === undefined ? {} : { logSpan: config.chain.logBlocks }),
    onLogSpan: (event) =>
      log.warn({ event: 'logs paged', ...event }, 'an RPC endpoint gives logs of fewer blocks at a time'),
  })
}

export async function openPlane(
  { folder, config, metrics, log }: Surroundings,
  identitySeed: Uint8Array,
  peers: PeerBook,
): Promise<DataPlane> {
  const members = (peer: string): Promise<boolean> => peers.isSeated(peer)
  return await DataPlane.start({
    folder: join(folder, 'ipfs'),
    identitySeed,
    listen: config.network.listen,
    announce: config.network.announce,
    members,
    ...(config.network.nat === undefined ? {} : { nat: { ...config.network.nat, carries: members } }),
    ...dhtOf(config.network.dht, metrics, log),
    ...pinningOf(config, metrics, log),
  })
}

/** The gateway for browsers; null where the configuration has none. @throws NetworkError BAD_ADDRESS */
export async function openGateway({ network }: KeeperConfig, plane: DataPlane): Promise<BlockGateway | null> {
  return network.gateway === undefined ? null : await BlockGateway.start({ ...network.gateway, blocks: plane })
}

/** Poll interval in milliseconds of the parts that wait for a block. */
function halfPoll({ chain }: KeeperConfig): number {
  return Math.max(50, (chain.pollSeconds * 1000) / 2)
}

/** Reports new blocks to every part of the keeper. */
export function openHeads(
  { config, clock, log }: Surroundings,
  provider: FailoverProvider,
  cleanup: AsyncDisposableStack,
): HeadWatch {
  const onStill = (head: Head) => leaveStale(provider, clock, head)
  const pace = { provider, pollInterval: halfPoll(config), clock, onStill }
  const { heads: url } = config.chain
  if (url === undefined) return new HeadWatch(pace)
  const heads: HeadWatch = new HeadWatch({ ...pace, isAnnounced: () => announcer.live })
  const announcer = new HeadSubscription({
    url,
    onHead: () => heads.announce(),
    onChange: ({ live, reason }) => {
      if (live) log.info({ event: 'blocks announced' }, 'the endpoint says when there is a new block')
      else log.warn({ event: 'blocks not announced', reason }, 'asking for new blocks as if nobody announced them')
    },
  })
  cleanup.defer(() => announcer.close())
  return heads
}

/** The operator's transactions; those under way when the keeper last stopped are taken up again. */
export async function openQueue(
  { config, wallet, clock, log, metrics, signal }: Surroundings,
  { provider, heads }: { readonly provider: FailoverProvider; readonly heads: HeadWatch },
  store: KeeperStore,
): Promise<TransactionQueue> {
  const { chain } = config
  const queue = new TransactionQueue({
    provider,
    witnesses: provider,
    heads,
    wallet,
    log: store.transactions,
    chainId: BigInt(chain.id),
    interfaces: (['ILearningService', 'KeeperRegistry', 'ModelRegistry', 'ISortitionAdmission'] as const).map(
      contractInterface,
    ),
    fees: {
      maxFeePerGas: parseUnits(String(chain.maxFeeGwei), 'gwei'),
      replaceAfter: chain.replaceAfterSeconds * 1000,
    },
    confirmations: chain.confirmations,
    pollInterval: halfPoll(config),
    clock,
    onEvent: (event) => {
      metrics.transactions.inc({ kind: event.kind })
      log.debug({ event: `transaction ${event.kind}`, key: event.key, hash: event.hash }, 'transaction')
    },
  })
  await queue.resume(signal)
  return queue
}

/** Milliseconds for which the chain's answer about this keeper's standing is reused: /healthz may be asked every second. */
const STANDING_MS = 60_000

/** Explains why the keeper is not a member, and shows it in its metrics; null for a member, and while the chain does not answer. */
export function standingOf(context: AgentContext, loop: AgentLoop): () => Promise<NotMember | null> {
  const { contracts, config, operator, clock } = context
  let known: { readonly at: number; readonly of: string; readonly reason: Promise<NotMember | null> } | null = null
  const explain = async (): Promise<NotMember | null> => {
    const { snapshot, seat, isMember } = loop
    if (isMember || snapshot === null) return null
    const of = `${seat}/${snapshot.epoch}/${snapshot.state}`
    if (known === null || known.of !== of || steady(clock) - known.at > STANDING_MS) {
      const { state } = snapshot
      const reason = whyNotMember(contracts, config, { operator, seat, state }).catch(() => null)
      known = { at: steady(clock), of, reason }
    }
    return await known.reason
  }
  return async () => {
    const found = await explain()
    context.metrics.setNotMember(found?.cause ?? null)
    return found
  }
}

/** The queue, or relayers before it. */
export function openSender(
  { config, wallet, clock, log, metrics }: Surroundings,
  parts: {
    readonly provider: FailoverProvider
    readonly heads: HeadWatch
    readonly contracts: ServiceContracts
    readonly queue: TransactionQueue
  },
): Sender {
  if (config.relay === undefined) return parts.queue
  return new RelayedSender({
    ...parts,
    urls: config.relay.urls,
    patience: config.relay.patienceSeconds * 1000,
    chainId: BigInt(config.chain.id),
    service: config.service.address,
    wallet,
    confirmations: config.chain.confirmations,
    pollInterval: halfPoll(config),
    clock,
    onEvent: ({ kind, ...details }) => {
      metrics.transactions.inc({ kind })
      log[kind === 'handed over' ? 'debug' : 'warn']({ event: kind, ...details }, 'relayed step')
    },
  })
}

/** The model of the service, from these weights before the first round. */
export function openModel(
  { config, log, metrics }: Surroundings,
  model: PlannedModel,
  parts: { readonly store: KeeperStore; readonly plane: DataPlane; readonly initial: Float32Array },
): GlobalModel {
  return new GlobalModel({
    ...parts,
    commit: async (weights) => {
      const { commitment, clipped } = await commitApart(model, weights)
      metrics.clipped.set(clipped)
      if (clipped > 0)
        log.warn({ event: 'weights clipped', clipped }, 'weights outgrew the plan and were clipped to it')
      return commitment
    },
    fetchTimeout: config.network.fetchSeconds * 1000,
  })
}

/** A keeper counts as unhealthy when it has not looked at the chain for this many polls, and for this many seconds. */
const LATE_POLLS = 10
const LATE_SECONDS = 30

/** Why a remote signer last gave no signature; null when it did, or for a key of this process. */
export function troubleOf(signer: OperatorSigner): string | null {
  return signer instanceof RemoteSigner ? signer.trouble : null
}

/** The answer of /healthz. */
export function healthOf(
  context: AgentContext,
  loop: AgentLoop,
  { notMember, signer }: { readonly notMember: NotMember | null; readonly signer: string | null },
): Health {
  const { clock, config, plane, operator, model, trainer } = context
  const { snapshot, lastLook, lastError, seat } = loop
  const behindSeconds = lastLook === 0 ? 0 : (steady(clock) - lastLook) / 1000
  const late = behindSeconds >= Math.max(LATE_SECONDS, config.chain.pollSeconds * LATE_POLLS)
  return {
    // A keeper that waits for registration to close, or for the next draw, can do no more, so it counts as healthy.
    healthy:
      lastLook > 0 &&
      !late &&
      signer === null &&
      (notMember === null || ['opening', 'undrawn'].includes(notMember.cause)),
    state: snapshot?.state ?? null,
    epoch: snapshot?.epoch ?? 0,
    round: snapshot?.round ?? 0,
    seat,
    member: loop.isMember,
    notMember: notMember?.text ?? null,
    operator,
    peerId: plane.peerId,
    peers: plane.connections,
    reachable: plane.reachable,
    webRtc: plane.webRtcAddresses,
    block: snapshot?.block ?? 0,
    behindSeconds,
    model: model.accepted,
    samples: trainer.shard.samples,
    heldOut: trainer.shard.heldOut,
    privacy: privacySpent(context),
    signer,
    contradicted: contradictionText(context.remembered),
    lastError,
  }
}
