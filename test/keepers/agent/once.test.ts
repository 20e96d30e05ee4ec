// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Step } from '../../../keepers/agent/context.ts'
import {
  type EpochFrame,
  loadDealing,
  loadKey,
  loadKeyHash,
  onceGuard,
  secretName,
  storeDealing,
  storeKey,
} from '../../../keepers/agent/epoch.ts'
import { storedUpdate } from '../../../keepers/agent/steps/stored-update.ts'
import {
  checkUpdate,
  encryptUpdate,
  exportMemberKey,
  openEngine,
  partialDecrypt,
  Secret,
} from '../../../keepers/fhe/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'
import { type Ceremony, ceremony, EPOCH, ROUND, testPlan, vectorOf } from '../fhe/ceremony.ts'
import { refuses } from '../fhe/rejection.ts'

const SELF = 1
const silent = pino({ level: 'silent' })

describe('what a keeper does once in a round', () => {
  let folder: string
  let store: KeeperStore
  let frame: EpochFrame
  let keys: Ceremony
  const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
  const open = () => KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
  /** The process dies and is started again: everything in memory is gone. */
  const crash = () => {
    store.close()
    store = open()
  }
  before(async () => {
    const plan = testPlan(3, 2, { scaleBits: 'widest', maxWeight: 1000 })
    const engine = await openEngine(plan)
    keys = await ceremony(engine)
    const roster = keys.members.map((member, seat) => ({ ...member, seat }))
    frame = { context: EPOCH, crsSeed: `0x${'5e'.repeat(32)}`, roster, self: SELF, plan, engine }
  })
  after(() => frame.engine.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-once-'))
    store = open()
    storeKey(store, frame, keys.memberKeys.get(SELF)!)
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const step = (round = ROUND.round) =>
    ({
      context: { store, log: silent, manifest: exampleManifest('logistic') },
      snapshot: { round, epoch: EPOCH.epoch },
      signal: new AbortController().signal,
    }) as unknown as Step
  let trainings = 0
  const training =
    (seed: number, samples = 300) =>
    async () => {
      trainings++
      return { update: Float32Array.from(vectorOf(50, seed)), samples }
    }
  const seal = (seed: number, round?: number) => storedUpdate(step(round), frame, keys.keyHash, training(seed))

  it('finds its key again, and not that of another fork of the chain', () => {
    crash()
    const key = loadKey(store, frame, silent)!
    expect(key.material.equals(keys.memberKeys.get(SELF)!.material)).to.equal(true)
    expect(Buffer.compare(loadKeyHash(store, frame)!, keys.keyHash)).to.equal(0)
    const fork = { ...frame, crsSeed: `0x${'5f'.repeat(32)}` }
    expect([loadKey(store, fork, silent), loadKeyHash(store, fork), loadDealing(store, fork)]).to.deep.equal([
      null,
      null,
      null,
    ])
    storeDealing(store, frame, Secret.take(Uint8Array.of(1, 2, 3)))
    expect(loadDealing(store, fork)).to.equal(null)
    crash()
    expect(loadDealing(store, frame)!.reveal((bytes) => [...bytes])).to.deep.equal([1, 2, 3])
  })

  it('an update: the same bytes after a crash, without training again, whatever training would give', async () => {
    const first = (await seal(1))!
    checkUpdate(frame.engine, first.bytes, { context: ROUND, sender: SELF, keyHash: keys.keyHash })
    expect(first.samples).to.equal(300)
    trainings = 0
    crash()
    const again = (await storedUpdate(step(), frame, keys.keyHash, training(2, 999)))!
    expect(Buffer.compare(again.bytes, first.bytes)).to.equal(0)
    expect([again.samples, trainings]).to.deep.equal([300, 0])
    const next = (await seal(2, ROUND.round + 1))!
    expect(Buffer.compare(next.bytes, first.bytes)).to.not.equal(0)
  })

  it('a second encryption in one round is refused across a crash, also when the first one never left', async () => {
    await seal(1)
    crash()
    const request = (seed: number) => ({
      context: ROUND,
      memberKey: loadKey(store, frame, silent)!,
      vector: vectorOf(50, seed),
      weight: 300,
      guard: onceGuard(store),
    })
    await refuses('already-encrypted', () => encryptUpdate(frame.engine, request(2)))
    await refuses('already-encrypted', () => encryptUpdate(frame.engine, { ...request(1), weight: 299 }))
    const kept = (await seal(3))!
    const repeated = await encryptUpdate(frame.engine, {
      ...request(1),
      vector: Float32Array.from(vectorOf(50, 1)),
    })
    expect(Buffer.compare(repeated, kept.bytes)).to.equal(0)
  })

  it('sits out an epoch whose key an earlier release stored, without training and without failing', async () => {
    const name = secretName({ epoch: EPOCH.epoch, crsSeed: frame.crsSeed }, 'key')
    const current = exportMemberKey(frame.plan, keys.memberKeys.get(SELF)!)
    for (const [at, value, code] of [
      [4, 2, 'unsupported-version'],
      [5, 6, 'wrong-message-type'],
    ] as const) {
      const old = current.reveal((bytes) => bytes.slice())
      old[at] = value
      store.putSecret(name, old)
      const said: { code?: string }[] = []
      const log = { error: (fields: object) => said.push(fields) }
      expect(loadKey(store, frame, log as never)).to.equal(null)
      expect(said.map((fields) => fields.code)).to.deep.equal([code])
      trainings = 0
      expect(await seal(1)).to.equal(null)
      expect(trainings).to.equal(0)
      crash()
    }
    storeKey(store, frame, keys.memberKeys.get(SELF)!)
    expect((await seal(1))!.samples).to.equal(300)
  })

  it('abstains when it has encrypted in a round and the bytes are gone', async () => {
    await seal(1)
    store.claims.forget(EPOCH.epoch, ROUND.round + 1)
    trainings = 0
    crash()
    expect(await seal(1)).to.equal(null)
    expect(trainings).to.equal(0)
  })

  it('leaves no plaintext of the update behind: neither after encryption nor when there is no key to encrypt with', async () => {
    const made: Float32Array[] = []
    const remembering = async () => {
      const update = Float32Array.from(vectorOf(50, 4))
      made.push(update)
      return { update, samples: 10 }
    }
    expect((await storedUpdate(step(), frame, keys.keyHash, remembering))!.samples).to.equal(10)
    const losingTheKey = async () => {
      store.eraseSecrets('epoch/')
      return remembering()
    }
    expect(await storedUpdate(step(ROUND.round + 1), frame, keys.keyHash, losingTheKey)).to.equal(null)
    expect(made.map((update) => update.every((value) => value === 0))).to.deep.equal([true, true])
  })

  it('leaves nothing of a stored key in the clear that it cannot use', () => {
    storeDealing(store, frame, Secret.take(Uint8Array.of(1, 2, 3)))
    const handed: Uint8Array[] = []
    const getSecret = store.getSecret.bind(store)
    store.getSecret = (name) => {
      const bytes = getSecret(name)
      if (bytes !== null) handed.push(bytes)
      return bytes
    }
    const wrongMember = { ...frame, self: 0 }
    expect(loadKey(store, wrongMember, silent)).to.equal(null)
    expect(handed.map((bytes) => bytes.every((byte) => byte === 0))).to.deep.equal([true])
  })

  it('abstains in a round whose pads another round has used, and not in the next', async () => {
    await seal(1)
    const again = ROUND.round + frame.plan.roundsPerKey
    expect(await seal(2, again)).to.equal(null)
    expect((await seal(2, again + 1))!.samples).to.equal(300)
  })

  it('sends nothing when the store cannot take it, and may try again', async () => {
    store.limitPages(60)
    let failed: unknown = null
    await seal(1).catch((error: unknown) => {
      failed = error
    })
    expect(failed).to.be.instanceOf(Error)
    crash()
    expect((await seal(2))!.samples).to.equal(300)
  })

  it('a decryption share: for one sum and one active set, across a crash', async () => {
    const share = (contributors: readonly number[], activeSet: readonly number[]) =>
      partialDecrypt(frame.engine, {
        context: ROUND,
        contributors,
        activeSet,
        memberKey: loadKey(store, frame, silent)!,
        guard: onceGuard(store),
        policy: { minContributors: 2, ownUpdate: 'included' },
      })
    const first = await share([0, 1, 2], [0, 1])
    crash()
    await refuses('share-already-given', () => share([0, 1], [0, 1]))
    await refuses('share-already-given', () => share([0, 1, 2], [1, 2]))
    expect(Buffer.compare(await share([0, 1, 2], [0, 1]), first)).to.equal(0)
  })
})
