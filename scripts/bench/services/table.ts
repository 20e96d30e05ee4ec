// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of the area as the table of docs/services.md: a test compares the two.
import type { BenchRow } from '../harness.ts'

/** Most of the weights that may be clipped in any version, percent. */
const MOST_CLIPPED = 0.1

/** By the subjects' names, in the order of the table. */
const TITLES: Readonly<Record<string, string>> = {
  cancer: 'breast cancer, a table',
  'cancer-sklearn': 'the same, from scikit-learn’s `MLPClassifier`',
  diabetes: 'diabetes, an amount (R²)',
  mail: 'mail, wanted or not',
  'mail-embedding': 'the same with an embedding of 8',
  fashion: 'garments, a network of one’s own',
}

const HEAD = [
  '| example | samples | parameters | 50 rounds of four keepers | in one place | as it is proven | clipped | constraints | proof |',
  '|---|---|---|---|---|---|---|---|---|',
]

/** Markdown, a line for each example that was measured. */
export function examplesTable(rows: readonly BenchRow[]): string[] {
  const of = (name: string, what: string) => rows.find(({ metric }) => metric === `services.${name}.${what}`)
  const lines = Object.entries(TITLES).flatMap(([name, title]) => {
    const [learned, proven, clipped, constraints, proof, samples, parameters] = [
      ...['learned', 'proven', 'clipped', 'constraints', 'proof', 'samples', 'parameters'].map((what) =>
        of(name, what),
      ),
    ]
    if (!(learned && proven && clipped && constraints && proof && samples && parameters)) return []
    const accuracy = (value: number): string =>
      learned.unit === 'percent' ? `${value.toFixed(1)} %` : value.toFixed(3)
    const cells = [
      ...[title, count(samples.value), count(parameters.value)],
      ...[learned.value, learned.peerValue!, proven.value].map(accuracy),
      clipped.value === 0 ? 'none' : `${clipped.value.toFixed(2)} %`,
      ...[count(constraints.value), `${proof.value.toFixed(1)} s`],
    ]
    return [`| ${cells.join(' | ')} |`]
  })
  return [...HEAD, ...lines]
}

const count = (value: number): string => value.toLocaleString('en-US')

/** Examples that lose more of their weights than they may. */
export const outgrown = (rows: readonly BenchRow[]): string[] =>
  rows
    .filter(
      ({ metric, value }) => metric.startsWith('services.') && metric.endsWith('.clipped') && value > MOST_CLIPPED,
    )
    .map(({ metric, value }) => `${metric.split('.')[1]}: ${value.toFixed(2)} % of the weights clipped`)
