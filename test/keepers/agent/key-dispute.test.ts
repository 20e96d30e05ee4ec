// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { keyConfirm } from '../../../keepers/agent/behaviours/key-confirm.ts'
import { keyJudge } from '../../../keepers/agent/behaviours/key-judge.ts'
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
import { type Engine, openComplaint, openEngine, Secret } from '../../../keepers/fhe/index.ts'
import { cidHex } from '../../../keepers/network/cid.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { exampleManifest, manifestHash } from '../../../keepers/versions/index.ts'
import { CRS, EPOCH, type Party, startAll, testPlan } from '../fhe/ceremony.ts'
import { bentDealing, bump } from '../fhe/dealer.ts'
import { cidOfBytes, factsOf, type Sent, seatOfIndex } from './round-stage.ts'

const MEMBERS = 4
const SEED = `0x${Buffer.from(CRS).toString('hex')}`
const MANIFEST = exampleManifest('logistic')
const seats = (...members: number[]): bigint => bitmapOf(members.map(seatOfIndex))

/** Key generation of four, all committed and revealed: what each has published can be changed before the next step. */
class KeyStage {
  readonly facts: Fact[] = []
  readonly blobs = new Map<string, Uint8Array>()
  readonly sent: (Sent & { readonly member: number })[] = []
  readonly engine: Engine
  readonly parties: readonly Party[]
  readonly frame: Omit<EpochFrame, 'self'>
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
      keyWindow: window,
      trainingWindow: window,
      revealWindow: window,
      aggregateWindow: window,
      decryptWindow: window,
      voteWindow: window,
    }
    const context = {
      config: { network: { fetchSeconds: 1 }, chain: { pollSeconds: 1 } },
      manifest: MANIFEST,
      store: this.#storeOf(member),
      facts: factsOf(this.facts),
      peers: { providers: async () => [], refresh: () => undefined },
      epochs: { frame: async () => ({ ...this.frame, self: member }) },
      trainer: { shard: { parameterCount: 50 } },
      contracts: { service: { parameters: async () => parameters } },
      plane: {
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
      clock: { now: () => 0 },
      metrics: new KeeperMetrics({ process: false }),
      remembered: { parameters: null, due: null },
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

describe('key generation among members who cheat', () => {
  let stage: KeyStage
  beforeEach(async () => {
    stage = await KeyStage.open()
  })
  afterEach(() => stage.close())

  describe('after a reorganisation in which a dealer reveals another dealing', () => {
    const other = () => bentDealing(stage.engine, { context: EPOCH, members: stage.frame.roster, crs: CRS }, 3)
    const calls = () => stage.sent.splice(0).map(({ method, args }) => [method, args[1]])

    it('a member neither confirms the key that it had made, which would convict it, nor makes another of what it dealt', async () => {
      await keyConfirm(stage.step(1))
      const [[method, keyHash]] = calls() as [[string, unknown]]
      expect(method).to.equal('confirmKey')
      stage.publish(3, other())
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
      // What judges would find had it gone on.
      stage.tell('KeyConfirmed', { seat: seatOfIndex(1), keyHash })
      expect((await stage.verdict(0)).convicted).to.equal(seats(1))
    })

    it('opens no share once it has confirmed: that key may be in use', async () => {
      await keyConfirm(stage.step(1))
      calls()
      stage.dealFalsely(3, 1)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
    })

    it('nor confirms once it has opened one, though what it meant to do is long forgotten', async () => {
      const honest = stage.parties[3]!.messages
      stage.dealFalsely(3, 1)
      const { context } = stage.step(1)
      await keyConfirm(stage.step(1))
      expect(calls().map(([method]) => method)).to.deep.equal(['complain'])
      // Rounds that an endpoint makes up in this epoch let go of older intents; then it tells the truth.
      context.store.journal.prune(EPOCH.epoch, 100)
      stage.publish(3, honest)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      stage.dealFalsely(0, 1)
      context.store.journal.prune(EPOCH.epoch, 100)
      await keyConfirm(stage.step(1))
      expect(calls()).to.deep.equal([])
    })

    it('does not accuse of a good dealing with the evidence of a bad one, nor confirm after it has opened a share', async () => {
      stage.dealFalsely(3, 1)
      await keyConfirm(stage.step(1))
      expect(calls().map(([method]) => method)).to.deep.equal(['complain'])
      stage.publish(3, other())
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
      stage.dealFalsely(3, 1)
      stage.dealFalsely(0, 1)
      expect(await keyConfirm(stage.step(1))).to.equal('done')
      expect(calls()).to.deep.equal([])
    })
  })

  it('convicts a dealer whose share to one member is false, on that member`s evidence, by every judge', async () => {
    stage.dealFalsely(3, 1)
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyConfirmed')).to.deep.equal([seatOfIndex(0), seatOfIndex(2)])
    expect(stage.said('KeyComplaint')).to.deep.equal([seatOfIndex(1)])
    for (const judge of [0, 1, 2]) {
      expect(await stage.verdict(judge)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
      expect(await keyJudge(stage.step(judge))).to.equal('done')
    }
    expect(stage.sent.map(({ method, args }) => [method, ...args])).to.deep.equal(
      [0, 1, 2].map(() => ['judge', BigInt(EPOCH.epoch), seats(3), 0n]),
    )
  })

  it('sends the same complaint and the same ballot after a crash, whatever it would find now', async () => {
    stage.dealFalsely(3, 1)
    await keyConfirm(stage.step(1))
    stage.blobs.clear()
    await keyConfirm(stage.step(1))
    const [first, again] = stage.sent.splice(0)
    expect(again).to.deep.equal(first)
    expect(first!.method).to.equal('complain')
    expect(String(first!.args[2]).length).to.equal(2 + 2 * 96)
  })

  it('convicts a member that accuses a good dealer, whatever it shows', async () => {
    const accuse = (evidence: Uint8Array) => {
      stage.tell('KeyComplaint', {
        seat: seatOfIndex(2),
        accused: seatOfIndex(0),
        evidence: `0x${Buffer.from(evidence).toString('hex')}`,
      })
    }
    await stage.confirm(0, 1, 3)
    const { keys } = stage.parties[2]!
    const evidence = openComplaint(stage.engine, {
      context: EPOCH,
      members: stage.frame.roster,
      crs: CRS,
      self: 2,
      encryptionKey: keys.secretKey.reveal((bytes) => Secret.take(bytes.slice())),
      accused: 0,
      dealing: stage.parties[0]!.messages.dealing,
      sealedShare: stage.parties[0]!.messages.sealedShares[2]!,
    })
    const rubbish = new Uint8Array(96).fill(7)
    for (const shown of [evidence, rubbish, rubbish.slice(1)]) {
      accuse(shown)
      expect(await stage.verdict(1)).to.deep.equal({ convicted: seats(2), excused: 0n, waiting: false })
      stage.facts.pop()
    }
  })

  it('excuses, without a penalty, a member that says it got nothing while the others have it', async () => {
    await stage.confirm(0, 1, 3)
    stage.tell('KeyComplaint', { seat: seatOfIndex(2), accused: seatOfIndex(0), evidence: '0x' })
    expect(await stage.verdict(3)).to.deep.equal({ convicted: 0n, excused: seats(2), waiting: false })
  })

  it('excuses a dealer whose share, or whose index, nobody has, after waiting for it', async () => {
    const share = stage.parties[0]!.messages.sealedShares[2]!
    stage.blobs.delete(cidOfBytes(share))
    await stage.confirm(0, 1, 2, 3)
    expect(stage.said('KeyComplaint')).to.deep.equal([seatOfIndex(2)])
    expect(await stage.verdict(1)).to.deep.equal({ convicted: 0n, excused: seats(0), waiting: true })
    expect(await keyJudge(stage.step(1))).to.equal('again')
    expect(await keyJudge(stage.step(1, { time: 1_060 }))).to.equal('done')
    expect(stage.sent.at(-1)!.args).to.deep.equal([BigInt(EPOCH.epoch), 0n, seats(0)])
    // Once it is there, whoever accused has nothing to show.
    stage.put(share)
    expect(await stage.verdict(3)).to.deep.equal({ convicted: 0n, excused: seats(2), waiting: false })
    // Ballots are cast once.
    expect(await keyJudge(stage.step(1))).to.equal('done')
    expect(stage.sent.at(-1)!.args).to.deep.equal([BigInt(EPOCH.epoch), 0n, seats(0)])
  })

  it('convicts a dealer whose index is no index, or names other shares than its dealing, without evidence', async () => {
    const rubbish = stage.put(new Uint8Array(100).fill(1))
    stage.reveal(3, rubbish)
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyComplaint')).to.have.length(3)
    expect(await stage.verdict(0)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
    const { dealing, sealedShares } = stage.parties[3]!.messages
    const swapped = [...sealedShares]
    swapped[1] = sealedShares[2]!
    stage.publish(3, { dealing, sealedShares: swapped })
    // The others complain as before, of what they could fetch after all: they stay, for the dealer goes anyway.
    expect(await stage.verdict(2)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
  })

  it('excuses a member of another manifest: nobody can say whose is right', async () => {
    stage.publish(3, stage.parties[3]!.messages, exampleManifest('logistic', { rounds: { clipBound: 2 } }))
    await stage.confirm(0, 1, 2)
    expect(stage.said('KeyComplaint')).to.have.length(3)
    expect(await stage.verdict(0)).to.deep.equal({ convicted: 0n, excused: seats(3), waiting: false })
  })

  it('convicts who confirms another key than the dealings make', async () => {
    await stage.confirm(0, 1, 2)
    stage.tell('KeyConfirmed', { seat: seatOfIndex(3), keyHash: `0x${'77'.repeat(32)}` })
    for (const judge of [0, 1]) {
      expect(await stage.verdict(judge)).to.deep.equal({ convicted: seats(3), excused: 0n, waiting: false })
    }
  })

  it('is judged once, and only by members that have spoken', async () => {
    stage.dealFalsely(3, 1)
    await stage.confirm(0, 1)
    expect(await keyJudge(stage.step(2))).to.equal('done')
    const judged = { ...stage.snapshot.keyInfo, judged: seats(0) }
    expect(await keyJudge(stage.step(0, { keyInfo: judged }))).to.equal('done')
    expect(stage.sent).to.deep.equal([])
  })
})
