// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Fact } from '../../../keepers/agent/facts.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { noteOpenedSums, privacySpent, privacySpentBy, refuseLongMean } from '../../../keepers/agent/privacy.ts'
import { isLostRound } from '../../../keepers/agent/steps/candidate.ts'
import { declaredIn } from '../../../keepers/agent/steps/draft.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { addNoiseShare, checkMeanNorm, normOf } from '../../../keepers/learning/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import {
  contradictionInPrivacy,
  declaredWeight,
  entryBound,
  meanBound,
  noiseDeviation,
} from '../../../keepers/versions/bounds.ts'
import { clip } from '../../../keepers/versions/clip.ts'
import { exampleManifest, manifestHash, type RoundTerms, USUAL_TERMS } from '../../../keepers/versions/index.ts'

const privacy = { noiseMultiplier: 1, contributors: 4, colluders: 1, delta: 1e-6 }
const plain: RoundTerms = { ...USUAL_TERMS, clipNorm: 2, clipBound: 20 }
const secret: RoundTerms = { ...plain, privacy }

describe('a service without differential privacy', () => {
  it('sends what it trained, and weighs samples', () => {
    expect(noiseDeviation(plain)).to.equal(0)
    expect(entryBound(plain)).to.equal(plain.clipBound)
    expect(declaredWeight(plain, 500)).to.equal(500)
    const { update } = clip(Float32Array.of(0.25, -1), Float32Array.of(0, 0), entryBound(plain), plain.clipNorm)
    addNoiseShare(update, noiseDeviation(plain))
    expect([...update]).to.deep.equal([0.25, -1])
    expect(privacySpentBy(plain, [], [])).to.equal(null)
  })
})

describe('a service with differential privacy', () => {
  it('is not joined by members who add other noise, or none, or take another server step', () => {
    const hashes = [
      plain,
      secret,
      { ...secret, privacy: { ...privacy, noiseMultiplier: 2 } },
      { ...secret, privacy: { ...privacy, colluders: 2 } },
      { ...plain, strategy: { kind: 'fedadam' as const, learningRate: 0.01 } },
      { ...plain, strategy: { kind: 'fedavg' as const, clip: 1 } },
    ].map((rounds) => Buffer.from(manifestHash(exampleManifest('mlp', { rounds }))).toString('hex'))
    expect(new Set(hashes).size).to.equal(hashes.length)
  })

  it('weighs every member alike, whatever it holds', () => {
    expect(declaredWeight(secret, 10)).to.equal(secret.maxSamples)
    expect(declaredWeight(secret, 1e9)).to.equal(secret.maxSamples)
  })

  it('leaves the noise room within clipBound, and refuses terms that have none', () => {
    expect(noiseDeviation(secret)).to.equal(1)
    expect(entryBound(secret)).to.equal(10)
    expect(contradictionInPrivacy(secret)).to.equal(null)
    expect(contradictionInPrivacy({ ...secret, clipBound: 10 })).to.match(
      /clipBound: 10 leaves no room .* deviation 1\.00: raise it above 10/,
    )
  })

  it('adds, over the agreed number of members, normal noise of σ·clipNorm', () => {
    const length = 40_000
    const sum = new Float64Array(length)
    for (let member = 0; member < privacy.contributors; member++) {
      const update = new Float32Array(length)
      addNoiseShare(update, noiseDeviation(secret))
      for (let i = 0; i < length; i++) sum[i]! += update[i]!
    }
    const moment = (power: number) => sum.reduce((total, x) => total + (x / 2) ** power, 0) / length
    // Standard errors of the moments of 40,000 normal values: 0.005, 0.007, 0.019, 0.049; six of them pass by chance.
    expect(moment(1)).to.be.closeTo(0, 0.03)
    expect(moment(2)).to.be.closeTo(1, 0.045)
    expect(moment(3)).to.be.closeTo(0, 0.12)
    expect(moment(4)).to.be.closeTo(3, 0.3)
    const within = sum.filter((x) => Math.abs(x) < 2).length / length
    expect(within).to.be.closeTo(0.6827, 0.015)
  })
})

describe('a mean that is too long', () => {
  const sum = { contributors: 4, length: 1000, valueError: 2 ** -20 }
  it('is a lost round that names norm and bound', () => {
    const mean = new Float64Array(1000).fill(0.99)
    const refusal = (() => {
      try {
        return refuseLongMean(() => checkMeanNorm(mean, meanBound(plain, sum)))
      } catch (error) {
        return error
      }
    })()
    expect(isLostRound(refusal)).to.equal(true)
    expect((refusal as Error).message).to.match(/norm 31\.31, .* at most 2\.000/)
  })

  it('is told from the noise of those that added some, beside one that declared nothing and added none', () => {
    const length = 40_000
    const samples = [secret.maxSamples, secret.maxSamples, secret.maxSamples, 0]
    const facts = samples.map((own, seat) => ({ args: { seat, samples: own } })) as unknown as Fact[]
    const { alike, contributors } = declaredIn({ facts: {} } as never, 1, 0b1111n, facts)
    expect([alike, contributors]).to.deep.equal([3, 3])
    const mean = new Float32Array(length)
    addNoiseShare(mean, noiseDeviation(secret) / Math.sqrt(3))
    const within = (count: number) => () =>
      refuseLongMean(() => checkMeanNorm(mean, meanBound(secret, { ...sum, length, contributors: count })))
    expect(within(alike)).not.to.throw()
    // The attack, with all four counted: whoever declares nothing loses every round for everybody.
    expect(within(4)).to.throw(/the mean update has norm/)
  })

  it('is told from honest noise', () => {
    expect(meanBound(plain, sum)).to.be.closeTo(2, 1e-4)
    // Each member's noise has deviation 1, the mean of four 1/2: a norm of 16 is honest, one of 25 is not.
    const bound = meanBound(secret, sum)
    expect(bound).to.be.within(2 + 0.5 * Math.sqrt(1000), 2 + 0.5 * Math.sqrt(1000) + 4)
    const noise = new Float32Array(1000)
    addNoiseShare(noise, 0.5)
    expect(refuseLongMean(() => checkMeanNorm(noise, bound))).to.equal(normOf(noise))
    expect(() => refuseLongMean(() => checkMeanNorm(noise.fill(0.8), bound))).to.throw(/norm 25\.30/)
  })
})

describe('the privacy that a service has spent', () => {
  let folder: string
  const open = () =>
    KeeperStore.open({
      folder,
      passphrase: 'p',
      binding: { chainId: 1n, service: '0x1', operator: '0x2' },
      log2N: 10,
    })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-privacy-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const draft = (round: number, seats: number[]): Fact => ({
    name: 'MembersDrafted',
    block: round,
    blockHash: '0x',
    args: { round, included: bitmapOf(seats) },
  })
  const reveal = (round: number, seat: number, samples: number): Fact => ({
    name: 'UpdateRevealed',
    block: round,
    blockHash: '0x',
    args: { round, seat, samples },
  })
  const contextOf = (store: KeeperStore, facts: Fact[]) =>
    ({
      manifest: { rounds: secret },
      store,
      facts: { all: (name: string) => facts.filter((fact) => fact.name === name) },
      metrics: new KeeperMetrics({ process: false }),
    }) as unknown as Parameters<typeof noteOpenedSums>[0]

  it('counts every sum whose draft was made, survives a restart and the forgetting of events', async () => {
    const drafts = [draft(1, [0, 1, 2, 3]), draft(2, [0, 1, 2, 3, 4]), draft(3, [1, 2, 3, 4])]
    const whole = privacySpentBy(secret, drafts, [])!
    expect(whole.rounds).to.equal(3)
    let store = open()
    noteOpenedSums(contextOf(store, drafts.slice(0, 2)))
    store.close()
    store = open()
    const context = contextOf(store, drafts.slice(2))
    expect(privacySpent(context)).to.deep.equal(whole)
    noteOpenedSums(context)
    noteOpenedSums(context)
    expect(privacySpent(contextOf(store, []))).to.deep.equal(whole)
    expect(await context.metrics.registry.metrics()).to.contain(
      `cohort_privacy_epsilon{against="members"} ${whole.epsilon}`,
    )
    store.close()
  })

  it('takes the smaller of two sums of one round, which a reorganisation may leave', () => {
    const both = privacySpentBy(secret, [draft(1, [0, 1, 2, 3]), draft(1, [0, 1])], [])
    expect(both).to.deep.equal(privacySpentBy(secret, [draft(1, [4, 5])], []))
  })

  it('counts none of those that declare less than everybody, for they may have added no noise', () => {
    const samples = [secret.maxSamples, secret.maxSamples, secret.maxSamples, 0]
    const revealed = (round: number, declared: readonly number[]): Fact[] =>
      declared.map((own, seat) => reveal(round, seat, own))
    const drafts = [draft(1, [0, 1, 2, 3]), draft(2, [0, 1, 2, 3])]
    const all = privacySpentBy(secret, drafts, [
      ...revealed(
        1,
        samples.map(() => secret.maxSamples),
      ),
      ...revealed(2, []),
    ])
    for (const less of [0, 1]) {
      const reveals = [...revealed(1, samples.with(3, less)), ...revealed(2, samples.with(3, secret.maxSamples))]
      const spent = privacySpentBy(secret, drafts, reveals)
      expect(spent).to.deep.equal(privacySpentBy(secret, [draft(1, [0, 1, 2]), draft(2, [0, 1, 2, 3])], []))
      expect(spent!.outsideEpsilon).to.be.above(all!.outsideEpsilon!)
      const store = open()
      noteOpenedSums(contextOf(store, [...drafts, ...reveals]))
      // On record, also once the events are forgotten.
      expect(privacySpent(contextOf(store, []))).to.deep.equal(spent)
      store.close()
      rmSync(folder, { recursive: true })
    }
  })

  it('has no ε against colluders who made up a whole sum', () => {
    const { epsilon, outsideEpsilon } = privacySpentBy(secret, [draft(1, [0])], [])!
    expect(epsilon).to.equal(null)
    expect(outsideEpsilon).to.be.above(0)
  })
})
