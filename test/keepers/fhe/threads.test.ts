// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregate,
  combine,
  type Engine,
  encryptUpdate,
  MemoryOnceGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { disposing } from '../../../keepers/fhe/seal.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'

const LENGTH = 4095 * 6 + 100
const ACTIVE = [0, 2]

describe('fhe engine', () => {
  const plan = testPlan(3, 2, { vectorLength: LENGTH, scaleBits: 'widest' })
  let inline: Engine
  let pooled: Engine
  let keys: Ceremony
  const vectors = [0, 1, 2].map((seed) => vectorOf(LENGTH, seed))
  before(async () => {
    ;[inline, pooled] = await Promise.all([openEngine(plan), openEngine(plan, { workers: 2 })])
    keys = await ceremony(inline)
  })
  after(() => Promise.all([inline.close(), pooled.close()]))

  const encryptOn = (engine: Engine, sender: number, extra: object = {}) =>
    encryptUpdate(engine, {
      context: ROUND,
      memberKey: keys.memberKeys.get(sender)!,
      vector: vectors[sender]!,
      weight: 1,
      guard: new MemoryOnceGuard(),
      ...extra,
    })
  const sumOn = async (engine: Engine) => {
    const updates = async function* () {
      // On the same engine: a source may use it while the sum is under way.
      for (const sender of [0, 1, 2]) yield { sender, bytes: await encryptOn(engine, sender) }
    }
    return aggregate(engine, { context: ROUND, keyHash: keys.keyHash, updates: updates() })
  }
  const shareOn = (engine: Engine, self: number, extra: object = {}) =>
    partialDecrypt(engine, {
      context: ROUND,
      contributors: [0, 1, 2],
      activeSet: ACTIVE,
      memberKey: keys.memberKeys.get(self)!,
      guard: new MemoryOnceGuard(),
      policy: { minContributors: 3, ownUpdate: 'included' },
      ...extra,
    })

  it('gives the same updates and shares, byte for byte, on a pool and on one thread', async () => {
    const sum = await sumOn(pooled)
    expect(Buffer.compare((await sumOn(inline)).hash, sum.hash)).to.equal(0)
    const ours = await Promise.all(ACTIVE.map((self) => shareOn(inline, self)))
    // Both at once on one engine: requests queue up, and do not mix keys.
    const theirs = await Promise.all(ACTIVE.map((self) => shareOn(pooled, self)))
    for (const [i, share] of ours.entries()) expect(Buffer.compare(share, theirs[i]!)).to.equal(0)
    const request = {
      context: ROUND,
      aggregate: sum,
      totalWeight: sum.contributors.length,
      activeSet: ACTIVE,
      shares: ours,
    }
    const [a, b] = [await combine(inline, request), await combine(pooled, request)]
    expect(Buffer.compare(Buffer.from(a.mean.buffer), Buffer.from(b.mean.buffer))).to.equal(0)
    expect(a.report).to.deep.equal(b.report)
    for (const k of [0, 4094, 4095, 20_000, LENGTH - 1]) {
      const wanted = vectors.reduce((total, vector) => total + vector[k]!, 0) / 3
      expect(a.mean[k]).to.be.closeTo(wanted, plan.precision.meanError)
    }
  })

  it('reports progress, and stops at an abort with its reason', async () => {
    const seen: [number, number][] = []
    await encryptOn(inline, 0, { onProgress: (done: number, total: number) => seen.push([done, total]) })
    expect(seen).to.deep.equal(Array.from({ length: plan.ciphertexts }, (_, i) => [i + 1, plan.ciphertexts]))

    for (const engine of [inline, pooled]) {
      const controller = new AbortController()
      const reason = new Error('the round is over')
      const onProgress = (done: number) => {
        if (done === 2) controller.abort(reason)
      }
      let caught: unknown
      await encryptOn(engine, 0, { signal: controller.signal, onProgress }).catch((error) => {
        caught = error
      })
      expect(caught).to.equal(reason)
    }
  })

  it('after an aborted share, the same request still gets its bytes', async () => {
    const guard = new MemoryOnceGuard()
    const wanted = await shareOn(inline, 0, { guard })
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const aborted = await shareOn(inline, 0, { guard, signal: controller.signal, onProgress }).catch(() => null)
    expect(aborted).to.equal(null)
    expect(Buffer.compare(await shareOn(inline, 0, { guard }), wanted)).to.equal(0)
  })

  it('deletes the kept objects, last first, whether the work returned or threw', () => {
    const deleted: string[] = []
    const made = (name: string) => ({ delete: () => deleted.push(name), isDeleted: () => deleted.includes(name) })
    expect(disposing((keep) => [keep(made('a')), keep(made('b'))].length)).to.equal(2)
    expect(deleted).to.deep.equal(['b', 'a'])
    const failing = () =>
      disposing((keep) => {
        keep(made('c'))
        throw new Error('half way')
      })
    expect(failing).to.throw('half way')
    expect(deleted).to.deep.equal(['b', 'a', 'c'])
  })

  it('refuses to work after it was closed, and impossible numbers of workers', async () => {
    const engine = await openEngine(plan)
    await engine.close()
    await engine.close()
    await refuses('engine-closed', () => encryptOn(engine, 0))
    await refuses('invalid-argument', () => openEngine(plan, { workers: -1 }))
    await refuses('invalid-argument', () => openEngine(plan, { workers: 1.5 }))
  })
})
