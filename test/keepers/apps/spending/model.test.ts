// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { featureBits } from '../../../../keepers/apps/spending/features.ts'
import {
  FALSE_ALARMS,
  judgedBy,
  type LabelledSpend,
  leadFor,
  SPEND_ACCOUNTS,
  SPEND_VERDICTS,
  type SpendFacts,
  SpendLedger,
  savedSpendModel,
  spendFeatures,
  spendFigures,
  spendHistories,
  spendModel,
  spendSpec,
  THEFT_PATTERNS,
  trainSpendModel,
  UNSEEN_PATTERN,
} from '../../../../keepers/apps/spending/index.ts'
import { OWNER_KINDS } from '../../../../keepers/apps/spending/owners.ts'
import { LearningError } from '../../../../keepers/learning/index.ts'

const FILE = new URL('../../../../keepers/apps/spending/spend-fraud.json', import.meta.url)
const FACTS: SpendFacts = {
  amount: 1001n,
  limit: 1000n,
  spent: 0n,
  count: 0,
  idle: null,
  paidBefore: 0,
  recipientHasCode: false,
  class: 'native',
  origin: 'owners',
}
const features = (changes: Partial<SpendFacts> = {}) => [...spendFeatures({ ...FACTS, ...changes })]
const DAY = 86_400

describe('features of a spend', () => {
  it('are sizes by the limit, counts, ages and kinds, none above five bits', () => {
    expect(features()).to.deep.equal([9, 0, 0, 31, 0, 0, 0, 0])
    expect(features({ amount: 3n, spent: 4n, idle: 59 })).to.deep.equal([0, 1, 0, 0, 0, 0, 0, 0])
    expect(features({ idle: 60, count: 30, paidBefore: 14 })).to.deep.equal([9, 0, 30, 1, 14, 0, 0, 0])
    expect(features({ idle: DAY, count: 99, paidBefore: 99 })).to.deep.equal([9, 0, 31, 11, 15, 0, 0, 0])
    expect(features({ recipientHasCode: true, class: 'token-approval', origin: 'hook' }).slice(5)).to.deep.equal([
      1, 4, 2,
    ])
    expect(features({ amount: 2n ** 256n - 1n, spent: 2n ** 96n }).slice(0, 2)).to.deep.equal([31, 31])
    // No limit counts as one of 1.
    expect(features({ amount: 1n, limit: 0n })[0]).to.equal(9)
  })

  it('are bits to the network, lowest first, and refused beyond five', () => {
    const bits = featureBits(Uint8Array.of(1, 16, 0, 31, 0, 0, 0, 2))
    expect([...bits].map((bit) => bit / 255).join('')).to.equal('1000000001000001111100000000000000001000')
    expect(() => featureBits(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 32))).to.throw(LearningError, /0 to 31/)
    expect(() => featureBits(new Uint8Array(7))).to.throw(LearningError, /expected 8/)
  })
})

describe('a ledger of spends', () => {
  const pay = (amount: bigint, recipient = 0, kind: 'native' | 'self-call' = 'native') =>
    ({ asset: 0, amount, recipient, class: kind, origin: 'owners' }) as const

  it('asks for a verdict above what the window leaves, and counts against the limit only what needed none', () => {
    const ledger = new SpendLedger([1000n, 0n], DAY)
    const to = ledger.recipient(false)
    expect(ledger.needsVerdict(pay(1000n, to))).to.equal(false)
    expect(ledger.needsVerdict({ ...pay(1n, to), asset: 1 })).to.equal(true)
    expect(ledger.needsVerdict(pay(0n, to, 'self-call'))).to.equal(true)
    ledger.record(pay(5000n, to))
    expect(ledger.needsVerdict(pay(1000n, to))).to.equal(false)
    ledger.record(pay(400n, to))
    expect(ledger.needsVerdict(pay(600n, to))).to.equal(false)
    expect(ledger.needsVerdict(pay(601n, to))).to.equal(true)
    ledger.now += 90
    expect([...ledger.featuresOf(pay(1001n, to))]).to.deep.equal([9, 11, 2, 1, 2, 0, 0, 0])
  })

  it('starts blank with the first spend after a window, and remembers who was paid and when', () => {
    const ledger = new SpendLedger([1000n], DAY)
    const contract = ledger.recipient(true)
    ledger.record(pay(1000n, contract))
    ledger.now += DAY - 1
    expect(ledger.needsVerdict(pay(1n, contract))).to.equal(true)
    ledger.now += 1
    expect(ledger.needsVerdict(pay(1000n, contract))).to.equal(false)
    expect([...ledger.featuresOf(pay(1000n, contract))]).to.deep.equal([9, 0, 0, 11, 1, 1, 0, 0])
  })
})

describe('made-up histories', () => {
  const key = ({ features: of }: LabelledSpend) => of.join()

  it('are the same for the same seed, and of other accounts in another split', () => {
    const some = spendHistories({ split: 'train', accounts: 40, seed: 9 })
    expect(spendHistories({ split: 'train', accounts: 40, seed: 9 })).to.deep.equal(some)
    for (const other of [
      spendHistories({ split: 'train', accounts: 40, seed: 10 }),
      spendHistories({ split: 'test', accounts: 40, seed: 9 }),
    ]) {
      expect(other.map(key)).to.not.deep.equal(some.map(key))
    }
  })

  it('have every kind of owner and thief, the unseen pattern only in the test', () => {
    for (const split of ['train', 'validation', 'test'] as const) {
      const spends = spendHistories({ split, accounts: 600, seed: 3 })
      expect(new Set(spends.map(({ owner }) => owner))).to.have.keys(...OWNER_KINDS)
      const patterns = new Set(spends.flatMap(({ pattern }) => pattern ?? []))
      const expected =
        split === 'test' ? THEFT_PATTERNS : THEFT_PATTERNS.filter((pattern) => pattern !== UNSEEN_PATTERN)
      expect(patterns, split).to.have.keys(...expected)
      for (const { features: of, label, pattern } of spends) {
        expect(SPEND_VERDICTS[label]).to.equal(pattern === null ? 'ordinary' : 'theft')
        expect(of.every((feature) => feature <= 31)).to.equal(true)
      }
    }
  })

  it('cannot be told apart entirely: a quarter of thefts look, bit for bit, like what an owner did', () => {
    const spends = spendHistories({ split: 'test', accounts: SPEND_ACCOUNTS.test, seed: 1 })
    const owners = new Set(spends.filter(({ pattern }) => pattern === null).map(key))
    const thefts = spends.filter(({ pattern }) => pattern !== null)
    const alike = thefts.filter((spend) => owners.has(key(spend))).length / thefts.length
    expect(alike).to.be.within(0.2, 0.35)
  })
})

describe('the fraud model', function () {
  this.timeout(60_000)
  const leads = (list: readonly (readonly [label: number, lead: number])[]) =>
    list.map(([label, lead]) => ({ spend: { label } as LabelledSpend, lead }))

  it('is what training makes of its seed, to the bit', async () => {
    const trained = await trainSpendModel({ seed: 1 })
    expect(savedSpendModel(trained, 1)).to.equal(readFileSync(FILE, 'utf8'))
    expect(trained.unseenRecall).to.be.below(0.5)
  })

  it('finds seven thefts in ten at one false alarm in twenty, on accounts that it never saw', () => {
    const spends = spendHistories({ split: 'test', accounts: SPEND_ACCOUNTS.test, seed: 1 })
    const seen = spends.filter(({ pattern }) => pattern !== UNSEEN_PATTERN)
    const { recall, falseAlarms, accuracy, ordinary } = spendFigures(judgedBy(spendModel(), seen))
    expect(recall).to.be.within(0.7, 0.9)
    expect(falseAlarms).to.be.within(0.035, 0.065)
    // Better than to approve of everything.
    expect(accuracy).to.be.above(ordinary / seen.length + 0.03)
  })

  it('has its threshold from the validation split', () => {
    const spends = spendHistories({ split: 'validation', accounts: SPEND_ACCOUNTS.validation, seed: 1 })
    const judged = judgedBy(spendModel(), spends)
    expect(spendFigures(judged).falseAlarms).to.be.closeTo(FALSE_ALARMS, 0.002)
    expect(leadFor(judged, FALSE_ALARMS)).to.be.closeTo(0, 1e-3)
    expect(leadFor(judged, 0.02)).to.be.below(0)
  })

  it('is counted right: a tie is a theft', () => {
    const judged = leads([
      [0, -1],
      [0, 0],
      [0, 3],
      [0, 4],
      [1, 5],
      [1, 2],
      [1, 0],
      [1, 9],
    ])
    const of = (lead: number) => {
      const { recall, falseAlarms, accuracy } = spendFigures(judged, lead)
      return [recall, falseAlarms, accuracy]
    }
    expect(of(0)).to.deep.equal([0.5, 0.25, 0.625])
    expect(of(3)).to.deep.equal([0.75, 0.5, 0.625])
    expect(leadFor(judged, 0)).to.equal(0)
    expect(leadFor(judged, 0.5)).to.equal(5)
    expect(() => spendFigures(leads([[0, 1]]))).to.throw(LearningError, /1 thefts and 0 others/)
    expect(() => leadFor(leads([[0, 1]]), 0.1)).to.throw(LearningError, /threshold/)
  })

  it('is refused from a file that is something else', () => {
    const text = readFileSync(FILE, 'utf8')
    const changed = (changes: object) => JSON.stringify({ ...JSON.parse(text), ...changes })
    expect(spendModel(text).weights).to.have.lengthOf(spendSpec().parameterCount)
    for (const [given, message] of [
      ['{', /spend model: /],
      [changed({ format: 'cohort-headline-reader' }), /format/],
      [changed({ specHash: '00' }), /another architecture/],
      [changed({ weights: 'AAAA' }), /3 bytes, expected 2760/],
      [changed({ testRecall: 2 }), /testRecall/],
    ] as const) {
      expect(() => spendModel(given), String(message)).to.throw(LearningError, message)
    }
  })
})
