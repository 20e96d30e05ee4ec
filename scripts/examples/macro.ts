// SPDX-License-Identifier: GPL-3.0-or-later
// Made-up readings of economic indicators: an economy moves, and each indicator shows it with its own delay, noise and form.
// As a program (`node scripts/examples/macro.ts`) it writes examples/macro-sentiment/*.csv.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../../keepers/learning/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'

export const OUTLOOKS = ['gloomy', 'steady', 'bright'] as const
/** Columns of a reading: its level, its change since the last one, and the mean change of the last three; more is better in each. */
export const COLUMNS = ['level', 'change', 'trend'] as const

/** How much of the economy an indicator shows: `noise` beside a signal of deviation one, and by how many periods it is late. */
export const INDICATORS = {
  inflation: { noise: 0.9, lag: 1 },
  jobs: { noise: 0.5, lag: 1 },
  growth: { noise: 0.6, lag: 0 },
  rates: { noise: 0.8, lag: 0 },
} as const
export type IndicatorName = keyof typeof INDICATORS

export type Reading = { readonly values: readonly [number, number, number]; readonly outlook: number }

/** The economy: a walk that returns to its mean, deviation about one. */
function economy(periods: number, random: SeededRandom): number[] {
  const levels = [0]
  while (levels.length < periods) levels.push(0.9 * levels.at(-1)! + 0.44 * random.normal())
  return levels
}

/** The outlook of a period: which third the economy is in. */
const outlookOf = (level: number): number => (level < -0.43 ? 0 : level > 0.43 ? 2 : 1)

/** All indicators of the same economy, `periods` readings each. The same seed gives the same numbers. */
export function readings(periods: number, seed: number): Record<IndicatorName, Reading[]> {
  const random = new SeededRandom(seed)
  const before = 5
  const levels = economy(periods + before, random)
  const of = ({ noise, lag }: { noise: number; lag: number }): Reading[] => {
    const shown = levels.map((_, t) => levels[Math.max(0, t - lag)]! + noise * random.normal())
    return levels.slice(before).map((level, i) => {
      const t = i + before
      const values = [shown[t]!, shown[t]! - shown[t - 1]!, (shown[t]! - shown[t - 3]!) / 3] as const
      return {
        values: values.map((value) => Math.round(1000 * value) / 1000) as [number, number, number],
        outlook: outlookOf(level),
      }
    })
  }
  const { inflation, jobs, growth, rates } = INDICATORS
  return { inflation: of(inflation), jobs: of(jobs), growth: of(growth), rates: of(rates) }
}

export function csvOf(rows: readonly Reading[]): string {
  const lines = rows.map(({ values, outlook }) => [...values, OUTLOOKS[outlook]].join(','))
  return `${[[...COLUMNS, 'outlook'].join(','), ...lines].join('\n')}\n`
}

if (import.meta.main) {
  const drawn = readings(400, 2026)
  for (const [name, rows] of Object.entries(drawn)) {
    writeFileSync(join(ROOT, 'examples/macro-sentiment', `${name}.csv`), csvOf(rows))
  }
}
