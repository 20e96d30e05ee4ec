// SPDX-License-Identifier: GPL-3.0-or-later
// Plays histories of made-up accounts, and collects the transactions for which the guard would ask a model.

import type { Dataset } from '../../learning/index.ts'
import { createDataset, deriveSeed, SeededRandom } from '../../learning/index.ts'
import { FEATURE_BITS, featureBits, SPEND_FEATURES } from './features.ts'
import { SpendLedger } from './ledger.ts'
import { DAY, Life, UNIT } from './life.ts'
import { OWNER_KINDS, type OwnerKind, ownerOf } from './owners.ts'
import { steal, THEFT_PATTERNS, type TheftPattern, UNSEEN_PATTERN } from './thieves.ts'

/** The model's label: the policy of a guard approves of `ordinary`. A tie goes to the lower label. */
export const SPEND_VERDICTS = ['theft', 'ordinary'] as const

export type SpendSplit = 'train' | 'validation' | 'test'
const SPLITS: readonly SpendSplit[] = ['train', 'validation', 'test']

/** A transaction that needs a verdict. */
export type LabelledSpend = {
  /** Eight features, each 0 … 31. */
  readonly features: Uint8Array
  /** Index in SPEND_VERDICTS. */
  readonly label: number
  readonly owner: OwnerKind
  /** How it was stolen; null for a transaction of the owner. */
  readonly pattern: TheftPattern | null
}

export type HistoryOptions = {
  readonly split: SpendSplit
  /** Number of accounts. Accounts of different splits are never the same. */
  readonly accounts: number
  readonly seed: number
  /** The pattern that occurs only in the test split. */
  readonly unseen?: TheftPattern
}

/** Fraction of accounts from which a thief steals. */
const ROBBED = 0.5
/** Fraction of assets without a limit of their own, which need a verdict for every spend. */
const UNLIMITED_SHARE = 0.08
/** Most transactions of an owner from one account, so that a payroll does not outweigh a treasury. */
const MOST_OF_AN_OWNER = 8
const FEWEST_STRETCHES = 4
const MOST_STRETCHES = 28

/** The judged transactions of `accounts` accounts, owners' and thieves'. The seed gives the same ones everywhere. */
export function spendHistories({ split, accounts, seed, unseen = UNSEEN_PATTERN }: HistoryOptions): LabelledSpend[] {
  const patterns = split === 'test' ? THEFT_PATTERNS : THEFT_PATTERNS.filter((pattern) => pattern !== unseen)
  return Array.from({ length: accounts }, (_, i) => {
    return historyOf(new SeededRandom(deriveSeed(seed, SPLITS.indexOf(split) + 1, i)), patterns)
  }).flat()
}

function historyOf(random: SeededRandom, patterns: readonly TheftPattern[]): LabelledSpend[] {
  const owner = OWNER_KINDS[random.below(OWNER_KINDS.length)]!
  const limits = [0, 1].map(() => (random.uniform() < UNLIMITED_SHARE ? 0n : UNIT))
  const window = random.below(2) === 0 ? DAY : 7 * DAY
  let thief: TheftPattern | null = null
  const [own, stolen]: [Uint8Array[], Uint8Array[]] = [[], []]
  const life = new Life(new SpendLedger(limits, window), random, (features) => {
    if (thief === null) own.push(features)
    else stolen.push(features)
  })
  const live = ownerOf(owner, life)
  for (let i = FEWEST_STRETCHES + random.below(MOST_STRETCHES - FEWEST_STRETCHES); i > 0; i--) live()
  if (random.uniform() < ROBBED) {
    thief = patterns[random.below(patterns.length)]!
    steal(thief, life)
  }
  const kept = random.shuffle(own).slice(0, MOST_OF_AN_OWNER)
  return [
    ...kept.map((features) => ({ features, label: 1, owner, pattern: null })),
    ...stolen.map((features) => ({ features, label: 0, owner, pattern: thief })),
  ]
}

/** Samples [8, 5]: the bits of each feature, lowest first. */
export function spendDataset(name: string, spends: readonly LabelledSpend[]): Dataset {
  const size = SPEND_FEATURES * FEATURE_BITS.length
  const inputs = new Uint8Array(spends.length * size)
  for (const [sample, { features }] of spends.entries()) inputs.set(featureBits(features), sample * size)
  return createDataset({
    name,
    origin: 'procedural',
    inputShape: [size],
    classes: SPEND_VERDICTS.length,
    inputs,
    labels: spends.map(({ label }) => label),
    classNames: SPEND_VERDICTS,
  })
}
