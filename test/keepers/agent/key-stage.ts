// SPDX-License-Identifier: GPL-3.0-or-later
// Key generation of four keepers in one process, up to the point where each confirms or complains.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { keyConfirm } from '../../../keepers/agent/behaviours/key-confirm.ts'
import type { AgentContext, Step } from '../../../keepers/agent/context.ts'
import { type EpochFrame, storeDealing } from '../../../keepers/agent/epoch.ts'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { encodeKeyIndex } from '../../../keepers/agent/key-index.ts'
import { epochName } from '../../../keepers/agent/members.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import type { Snapshot } from '../../../keepers/agent/snapshot.ts'
import { judgeEpoch } from '../../../keepers/agent/steps/key-verdict.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { type Engine, openEngine } from '../../../keepers/fhe/index.ts'
import { cidHex } from '../../../keepers/network/cid.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { Coverage, exampleManifest, manifestHash } from '../../../keepers/versions/index.ts'
import { CRS, EPOCH, type Party, startAll, testPlan } from '../fhe/ceremony.ts'
import { bentDealing, bump } from '../fhe/dealer.ts'
import { cidOfBytes, factsOf, revealsTold, type Sent, seatOfIndex } from './round-stage.ts'

const MEMBERS = 4
const SEED = `0x${Buffer.from(CRS).toString('hex')}`
export const MANIFEST = exampleManifest('logistic')
export const seats = (...members: number[]): bigint => bitmapOf(members.map(seatOfIndex))

/** Key generation of four, all committed and revealed: what each has published can be changed before the next step. */
export class KeyStage {
  readonly facts: Fact[] = []
  readonly blobs = new Map<string, Uint8Array>()
  readonly sent: (Sent & { readonly member: number })[] = []
  readonly engine: Engine
  readonly parties: readonly Party[]
  readonly frame: Omit<EpochFrame, 'self'>
  /** What the second and further endpoints tell of the events of a block range; null for those that do not answer. */
  others: readonly (readonly Fact[] | null)[] = []
  /** Depth from which a block counts as final. */
  confirmations = 1
  readonly #stores = new Map<number, KeeperStore>()
  readonly #folders: string[] = []
  snapshot: Snapshot

  private constructor(engine: Engine, { parties, members }: Awaited<ReturnType<typeof startAll>>) {
    this.engine = engine
    this.parties = parties
    const roster = members.map((member, index) => ({ ...member, seat: seatOfIndex(index) }))
    this.frame = { context: EPOCH, crsSeed: SEED, roster, plan: engine.plan, engine }
    const all = seats(0, 1, 2, 3)
    const none = { committed: 0n, revealed: 0n, attesters: 0n, included: 0n, drafted: 0n, shared: 0n, checked: 0n }
    this.snapshot = {
      block: 10,
      time: 1_000,
      state: 'KeyConfirm',
      epoch: EPOCH.epoch,
      round: 1,
      end: 1_100,
      due: false,
      epochInfo: {
        epoch: EPOCH.epoch,
        members: all,
        threshold: 3,
        quorum: 3,
        crsSeed: SEED,
        decryptions: 0,
        keyHash: '0x',
        undraftable: 0n,
      },
      roundInfo: { ...none, lateRound: 0 },
      leftOut: 0n,
      keyInfo: { committed: all, revealed: all, spoken: 0n, judged: 0n },
      seated: all,
    }
    for (const { index, messages } of parties) this.publish(index, messages)
  }

  static async open(): Promise<KeyStage> {
    const engine = await openEngine(testPlan(MEMBERS, 3, { roundsPerKey: 16 }))
    return new KeyStage(engine, await startAll(engine))
  }

  put(bytes: Uint8Array): string {
    const cid = cidOfBytes(bytes)
    this.blobs.set(cid, bytes)
    return cid
  }

  tell(name: string, args: Record<string, unknown>): void {
    this.facts.push({ name, block: 10, blockHash: '0x', args: { epoch: EPOCH.epoch, ...args } })
  }

  /** What a dealer reveals, in place of what it had revealed before. */
  publish(
    dealer: number,
    { dealing, sealedShares }: { readonly dealing: Uint8Array; readonly sealedShares: readonly Uint8Array[] },
    manifest = MANIFEST,
  ): void {
    const sealed = sealedShares.map((share) => this.put(share))
    const cid = this.put(encodeKeyIndex({ manifestHash: manifestHash(manifest), dealing, sealed }))
    this.reveal(dealer, cid)
  }

  reveal(dealer: number, cid: string): void {
    const seat = seatOfIndex(dealer)
    const before = this.facts.findIndex(({ name, args }) => name === 'KeyRevealed' && args.seat === seat)
    if (before >= 0) this.facts.splice(before, 1)
    this.tell('KeyRevealed', { seat, cid: cidHex(cid) })
  }

  /** Deals falsely to `victim`, rightly to the rest. */
  dealFalsely(dealer: number, victim: number): void {
    const ground = { context: EPOCH, members: this.frame.roster, crs: CRS }
    const bend = { share: (j: number, share: Uint8Array) => j === victim && bump(share, 8 * 17) }
    this.publish(dealer, bentDealing(this.engine, ground, dealer, bend as never))
  }

  #storeOf(member: number): KeeperStore {
    const known = this.#stores.get(member)
    if (known !== undefined) return known
    const folder = mkdtempSync(join(tmpdir(), 'cohort-key-'))
    this.#folders.push(folder)
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    const store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
    const { keys, messages } = this.parties[member]!
    const publicKey = Buffer.from(keys.publicKey).toString('hex')
    keys.secretKey.reveal((bytes) => store.putSecret(`keeper/encryption key/${publicKey}`, bytes))
    store.putRecord('encryption keys', [{ publicKey, made: 0, used: 0, registered: true }])
    storeDealing(store, { ...this.frame, self: member }, messages.secret)
    store.putRecord(
      `roster/${epochName(this.snapshot.epochInfo)}`,
      this.frame.roster.map((entry) => ({ ...entry, encryptionKey: Buffer.from(entry.encryptionKey).toString('hex') })),
    )
    this.#stores.set(member, store)
    return store
  }

  step(member: number, changes: Partial<Snapshot> = {}): Step & { readonly seat: number } {
    const window = 100n
    const parameters = {
      minKeepers: 2n,
      decryptionsPerEpoch: 10n,
      buffer: 0n,
      maxStaleness: 0n,
      keyWindow: window,
      trainingWindow: window,
      revealWindow: window,
      aggregateWindow: window,
      decryptWindow: window,
      voteWindow: window,
    }
    const context = {
      config: { network: { fetchSeconds: 1 }, chain: { confirmations: this.confirmations, pollSeconds: 1 } },
      manifest: MANIFEST,
      store: this.#storeOf(member),
      facts: factsOf(this.facts),
      peers: { providers: async () => [], refresh: () => undefined },
      epochs: { frame: async () => ({ ...this.frame, self: member }) },
      coverage: new Coverage({}, []),
      contracts: { service: { parameters: async () => parameters } },
      plane: {
        has: async () => false,
        fetch: async (cid: string) => {
          const bytes = this.blobs.get(cid)
          if (bytes === undefined) throw new NetworkError('UNAVAILABLE', `nobody has ${cid}`)
          return bytes.slice()
        },
      },
      queue: {
        send: async ({ data }: { data: string }) => {
          const call = contractInterface('ILearningService').parseTransaction({ data })!
          this.sent.push({ member, method: call.name, args: [...call.args] })
          return { gasUsed: 1n, blockNumber: 1, blockHash: '0x01' }
        },
      },
      endpoints: {
        count: 1 + this.others.length,
        everywhere: async (method: string, params: readonly unknown[]) =>
          [this.facts, ...this.others].map((facts, i) => {
            const endpoint = `e${i}`
            if (facts === null) return { endpoint, reason: 'HTTP 502' }
            return { endpoint, result: revealsTold(method, params, facts) }
          }),
        prefer: () => undefined,
      },
      serviceAddress: EPOCH.service,
      clock: { now: () => 0 },
      metrics: new KeeperMetrics({ process: false }),
      remembered: { reread: null, parameters: null, due: null, final: null },
      log: pino({ level: 'silent' }),
      stopping: new AbortController().signal,
    } as unknown as AgentContext
    const snapshot = { ...this.snapshot, ...changes }
    return { context, snapshot, seat: seatOfIndex(member), signal: new AbortController().signal }
  }

  /** Runs KeyConfirm of these members, and tells the chain what they said. */
  async confirm(...members: number[]): Promise<void> {
    for (const member of members) {
      const outcome = await keyConfirm(this.step(member))
      // What is missing is waited for until it is late.
      if (outcome === 'again') await keyConfirm(this.step(member, { time: 1_090 }))
    }
    for (const { member, method, args } of this.sent.splice(0)) {
      const seat = seatOfIndex(member)
      if (method === 'confirmKey') this.tell('KeyConfirmed', { seat, keyHash: args[1] })
      else this.tell('KeyComplaint', { seat, accused: Number(args[1]), evidence: args[2] })
    }
    const spoken = bitmapOf(
      this.facts.filter(({ name }) => /^Key(Confirmed|Complaint)$/.test(name)).map(({ args }) => Number(args.seat)),
    )
    const keyInfo = { ...this.snapshot.keyInfo, spoken }
    this.snapshot = { ...this.snapshot, keyInfo, state: 'KeyJudge' }
  }

  said(name: string): unknown[] {
    return this.facts.filter((fact) => fact.name === name).map(({ args }) => args.seat)
  }

  /** What a member finds. */
  async verdict(member: number) {
    const { convicted, excused, waiting } = await judgeEpoch(this.step(member), { ...this.frame, self: member })
    return { convicted, excused, waiting }
  }

  async close(): Promise<void> {
    for (const store of this.#stores.values()) store.close()
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true })
    await this.engine.close()
  }
}
