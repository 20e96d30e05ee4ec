// SPDX-License-Identifier: GPL-3.0-or-later
// One member in the middle of a round: the real library, a real store, and a chain, a data plane and a queue that a test sets.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ZeroAddress, ZeroHash } from 'ethers'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import { pino } from 'pino'
import type { AgentContext, Step } from '../../../keepers/agent/context.ts'
import { type EpochFrame, storeKey } from '../../../keepers/agent/epoch.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { epochName } from '../../../keepers/agent/members.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import type { Snapshot } from '../../../keepers/agent/snapshot.ts'
import { HomeLayers } from '../../../keepers/agent/strategy.ts'
import { contractInterface, type RevertError } from '../../../keepers/chain/index.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import {
  type Engine,
  encryptUpdate,
  MemoryOnceGuard,
  openEngine,
  type PlanOptions,
} from '../../../keepers/fhe/index.ts'
import { cidHex } from '../../../keepers/network/cid.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { Coverage } from '../../../keepers/versions/index.ts'
import { type Ceremony, ceremony, EPOCH, ROUND, testPlan, vectorOf } from '../fhe/ceremony.ts'

export const SEED = `0x${'5e'.repeat(32)}`

/** Facts from a list, as the class gives them. */
export function factsOf(list: Fact[]) {
  const all = (name: string, match: Record<string, unknown> = {}) =>
    list.filter((fact) => fact.name === name && Object.entries(match).every(([key, value]) => fact.args[key] === value))
  return { all, last: (name: string, match?: Record<string, unknown>) => all(name, match).at(-1) ?? null }
}

/** The CID (raw, SHA-256) under which the data plane of the stage keeps bytes. */
export function cidOfBytes(bytes: Uint8Array): string {
  const digest = createHash('sha256').update(bytes).digest()
  return CID.createV1(raw.code, create(0x12, digest)).toString()
}

export type Sent = { readonly method: string; readonly args: readonly unknown[] }

export type RoundStage = {
  readonly frame: EpochFrame
  readonly keys: Ceremony
  readonly store: KeeperStore
  /** Where the store is. */
  readonly folder: string
  readonly facts: Fact[]
  /** Blobs by CID, as some member serves them. */
  readonly blobs: Map<string, Uint8Array>
  /** Called before a blob is handed out. */
  onFetch: (cid: string) => void
  /** Calls of the service, as they were sent. */
  readonly sent: Sent[]
  /** Keys of those calls: the queue sends each key once. */
  readonly keysSent: string[]
  /** What the chain refuses a call with. */
  refuse: (sent: Sent) => RevertError | null
  snapshot: Snapshot
  readonly context: AgentContext
  step(changes?: Partial<Snapshot>): Step & { readonly seat: number }
  /** An event of the service. */
  tell(name: string, args: Record<string, unknown>, block?: number): Fact
  /** Publishes the update of a member and tells of its reveal. */
  reveal(member: number, bytes: Uint8Array, samples?: number): string
  /** A well-formed update of a member. */
  updateOf(member: number, weight?: number): Promise<Uint8Array>
  close(): Promise<void>
}

const ceremonies = new Map<string, Promise<Ceremony>>()

/**
 * The keys of an epoch: generated once a process for each plan, which is most of what a stage costs. Stages never dispose of them, and
 * what a member does with its key goes through a copy in the stage's own store.
 */
function keysFor(engine: Engine): Promise<Ceremony> {
  const name = Buffer.from(engine.plan.hash).toString('hex')
  const known = ceremonies.get(name) ?? ceremony(engine)
  ceremonies.set(name, known)
  return known
}

/** Seats of the members, apart from their indices so that the two cannot be mixed up unnoticed. */
export const seatOfIndex = (index: number): number => index + 2

export async function roundStage(options: {
  readonly members: number
  readonly threshold: number
  readonly self: number
  readonly plan?: Partial<PlanOptions>
}): Promise<RoundStage> {
  const { members, threshold, self } = options
  const plan = testPlan(members, threshold, { scaleBits: 'widest', maxWeight: 1000, roundsPerKey: 16, ...options.plan })
  const engine = await openEngine(plan)
  const keys = await keysFor(engine)
  const roster = keys.members.map((member, index) => ({ ...member, seat: seatOfIndex(index) }))
  const frame: EpochFrame = { context: EPOCH, crsSeed: SEED, roster, self, plan, engine }
  const folder = mkdtempSync(join(tmpdir(), 'cohort-stage-'))
  const store = KeeperStore.open({
    folder,
    passphrase: 'p',
    binding: { chainId: EPOCH.chainId, service: EPOCH.service, operator: '0x2' },
    log2N: 10,
  })
  storeKey(store, frame, keys.memberKeys.get(self)!)
  const epochInfo = {
    epoch: EPOCH.epoch,
    members: bitmapOf(roster.map(({ seat }) => seat)),
    threshold,
    quorum: Math.floor((2 * members) / 3) + 1,
    crsSeed: SEED,
    decryptions: 0,
    undraftable: 0n,
    keyHash: `0x${Buffer.from(keys.keyHash).toString('hex')}`,
  }
  store.putRecord(
    `roster/${epochName(epochInfo)}`,
    roster.map(({ seat, address, encryptionKey }) => ({
      seat,
      address,
      encryptionKey: Buffer.from(encryptionKey).toString('hex'),
    })),
  )
  const iface = contractInterface('ILearningService')
  const facts: Fact[] = []
  const blobs = new Map<string, Uint8Array>()
  const sent: Sent[] = []
  const keysSent: string[] = []
  const parameters = {
    manifest: ZeroHash,
    minKeepers: 2n,
    admission: ZeroAddress,
    decryptionsPerEpoch: 1000n,
    buffer: 0n,
    maxStaleness: 0n,
    keyWindow: 100n,
    trainingWindow: 100n,
    revealWindow: 100n,
    aggregateWindow: 100n,
    decryptWindow: 100n,
    voteWindow: 100n,
  }
  const context = {
    config: { chain: { confirmations: 1, pollSeconds: 1 }, network: { fetchSeconds: 1 }, storage: { keepRounds: 4 } },
    manifest: { rounds: { maxSamples: 1000, clipBound: 8, clipNorm: 100 } },
    coverage: new Coverage({}, []),
    chainId: EPOCH.chainId,
    serviceAddress: EPOCH.service,
    operator: '0x2',
    clock: { now: () => 0, sleep: async () => undefined },
    store,
    plane: {
      publish: async (bytes: Uint8Array) => {
        const cid = cidOfBytes(bytes)
        blobs.set(cid, bytes.slice())
        return cid
      },
      has: async (cid: string) => blobs.has(cid),
      fetch: async (cid: string, { maxBytes }: { maxBytes: number }) => {
        stage.onFetch(cid)
        const bytes = blobs.get(cid)
        if (bytes === undefined) throw new NetworkError('UNAVAILABLE', `nobody has ${cid}`)
        if (bytes.length > maxBytes) throw new NetworkError('TOO_LARGE', `${cid} has ${bytes.length} bytes`)
        return bytes.slice()
      },
    },
    queue: {
      send: async ({ key, data, to }: { key: string; data: string; to: string }) => {
        const call = iface.parseTransaction({ data })!
        const record = { method: call.name, args: [...call.args] }
        const refusal = stage.refuse(record)
        if (refusal !== null) throw refusal
        sent.push(record)
        keysSent.push(key)
        const request = { to, data, value: '0', gasLimit: '1' }
        if (store.transactions.find(key) === null) {
          store.transactions.insert({ key, nonce: store.transactions.nextNonce(), request, attempts: [] })
        }
        return { gasUsed: 1n, blockNumber: 1, blockHash: '0x01' }
      },
    },
    contracts: { service: { parameters: async () => parameters } },
    endpoints: { count: 1, everywhere: async () => [] },
    facts: factsOf(facts),
    peers: { providers: async () => [], refresh: () => undefined },
    epochs: { frame: async () => frame },
    trainer: { shard: { parameterCount: plan.vectorLength } },
    strategy: null,
    control: null,
    home: new HomeLayers(store, []),
    metrics: new KeeperMetrics({ process: false }),
    remembered: { reread: null, parameters: null, due: null, final: null },
    log: pino({ level: 'silent' }),
    stopping: new AbortController().signal,
  } as unknown as AgentContext
  const stage: RoundStage = {
    frame,
    keys,
    store,
    folder,
    facts,
    blobs,
    onFetch: () => undefined,
    sent,
    keysSent,
    refuse: () => null,
    snapshot: {
      block: 100,
      time: 1_000,
      state: 'Aggregate',
      epoch: EPOCH.epoch,
      round: ROUND.round,
      end: 1_100,
      due: false,
      epochInfo,
      roundInfo: {
        committed: 0n,
        revealed: 0n,
        attesters: 0n,
        included: 0n,
        drafted: 0n,
        shared: 0n,
        checked: 0n,
        lateRound: 0,
      },
      leftOut: 0n,
      keyInfo: { committed: 0n, revealed: 0n, spoken: 0n, judged: 0n },
      seated: epochInfo.members,
    },
    context,
    step: (changes = {}) => ({
      context,
      snapshot: { ...stage.snapshot, ...changes },
      seat: seatOfIndex(self),
      signal: new AbortController().signal,
    }),
    tell(name, args, block = stage.snapshot.block) {
      const fact = { name, block, blockHash: `0x${block.toString(16).padStart(64, '0')}`, args }
      facts.push(fact)
      return fact
    },
    reveal(member, bytes, samples = 100) {
      const cid = cidOfBytes(bytes)
      blobs.set(cid, bytes)
      stage.tell('UpdateRevealed', {
        round: ROUND.round,
        seat: seatOfIndex(member),
        cid: cidHex(cid),
        size: BigInt(bytes.length),
        samples,
      })
      return cid
    },
    updateOf: (member, weight = 100) =>
      encryptUpdate(engine, {
        context: ROUND,
        memberKey: keys.memberKeys.get(member)!,
        vector: vectorOf(plan.vectorLength, member),
        weight,
        guard: new MemoryOnceGuard(),
      }),
    async close() {
      store.close()
      await engine.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return stage
}

/** What an endpoint with these events says of the reveals among them, and of the service's state. */
export function revealsTold(method: string, [given]: readonly unknown[], facts: readonly Fact[]): unknown {
  if (method === 'eth_getBlockByNumber') return { hash: '0x' }
  const iface = contractInterface('ILearningService')
  if (method === 'eth_getLogs') {
    const { topics, fromBlock, toBlock } = given as { topics: string[]; fromBlock: string; toBlock: string }
    return facts.flatMap(({ name, args, block, blockHash }) => {
      const event = iface.getEvent(name as 'KeyRevealed')!
      if (event.topicHash !== topics[0] || block < Number(fromBlock) || block > Number(toBlock)) return []
      const values = event.inputs.map((input) => args[input.name])
      return [{ ...iface.encodeEventLog(event, values), blockHash }]
    })
  }
  const info = iface.getFunction((given as { data: string }).data.slice(0, 10) as 'keyInfo')!
  const event = info.name === 'keyInfo' ? 'KeyRevealed' : 'UpdateRevealed'
  const revealed = bitmapOf(facts.filter(({ name }) => name === event).map(({ args }) => Number(args.seat)))
  const fields = info.outputs[0]!.components!.map(({ name, type }) =>
    name === 'revealed' ? revealed : type === 'bool' ? false : 0n,
  )
  return iface.encodeFunctionResult(info, [fields])
}
