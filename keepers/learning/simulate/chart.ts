// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds as CSV, and as a picture of accuracy and loss.
import type { RoundRecord } from './state.ts'

const COLUMNS = [
  'round',
  'accuracy',
  'loss',
  'trainLoss',
  'members',
  'dropped',
  'poisoned',
  'refused',
  'lost',
  'epsilon',
  'idle',
  'macroF1',
  'norm',
] as const

/** One line per round, RFC 4180; an empty field where a round has no value. */
export function roundsCsv(records: readonly RoundRecord[]): string {
  const lines = records.map((record) => COLUMNS.map((column) => record[column] ?? '').join(','))
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 60, 60, 44, 46]
const [ACCURACY, LOSS] = ['#1f6feb', '#c2410c']

/** An SVG of 720×400: accuracy (left axis, up to 100 %) and test loss (right axis, from 0) over the rounds. */
export function roundsChart(records: readonly RoundRecord[], title: string): string {
  const last = Math.max(1, records.at(-1)?.round ?? 1)
  const finite = records.map(({ loss }) => loss).filter(Number.isFinite)
  const topLoss = niceCeiling(Math.max(0.1, ...finite))
  const bottom = lowestAccuracy(records)
  const x = (round: number) => LEFT + ((WIDTH - LEFT - RIGHT) * (round - 1)) / Math.max(1, last - 1)
  const y = (share: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(1, Math.max(0, share)))
  const path = (share: (record: RoundRecord) => number) =>
    records
      .filter((record) => Number.isFinite(share(record)))
      .map((record, i) => `${i === 0 ? 'M' : 'L'}${x(record.round).toFixed(1)} ${y(share(record)).toFixed(1)}`)
      .join('')
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
  const percent = (share: number) => 100 * (bottom + share * (1 - bottom))
  const grid = ticks.map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share).toFixed(1)}" y2="${y(share).toFixed(1)}" stroke="#ddd" />` +
      `<text x="${LEFT - 8}" y="${(y(share) + 4).toFixed(1)}" text-anchor="end" fill="${ACCURACY}">${percent(share).toFixed(0)}%</text>` +
      `<text x="${WIDTH - RIGHT + 8}" y="${(y(share) + 4).toFixed(1)}" fill="${LOSS}">${(share * topLoss).toPrecision(2)}</text>`,
  )
  const rounds = [...new Set([1, ...[0.25, 0.5, 0.75, 1].map((share) => Math.max(1, Math.round(share * last)))])]
  const labels = rounds.map(
    (round) =>
      `<text x="${x(round).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="currentColor">${round}</text>`,
  )
  const best = records.reduce((top, { accuracy }) => Math.max(top, accuracy), 0)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" color="#555">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff" />`,
    `<text x="${LEFT}" y="24" font-size="15" fill="currentColor">${escapeXml(title)}</text>`,
    ...grid,
    ...labels,
    `<path d="${path(({ loss }) => loss / topLoss)}" fill="none" stroke="${LOSS}" stroke-width="1.5" stroke-dasharray="5 3" />`,
    `<path d="${path(({ accuracy }) => (accuracy - bottom) / (1 - bottom))}" fill="none" stroke="${ACCURACY}" stroke-width="2" />`,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="currentColor">round</text>`,
    `<text x="${WIDTH - RIGHT}" y="24" text-anchor="end"><tspan fill="${ACCURACY}">accuracy (best ${(100 * best).toFixed(2)} %)</tspan>  <tspan fill="${LOSS}">test loss</tspan></text>`,
    '</svg>',
    '',
  ].join('\n')
}

/** Where the accuracy axis begins: as high as leaves four in five rounds inside, or differences near the top would not show. */
function lowestAccuracy(records: readonly RoundRecord[]): number {
  const sorted = records.map(({ accuracy }) => accuracy).sort((a, b) => a - b)
  const typical = sorted[Math.floor(sorted.length / 5)] ?? 0
  return [0.95, 0.9, 0.8, 0.5].find((edge) => edge <= typical) ?? 0
}

function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 2.5, 5, 10].map((step) => step * unit).find((step) => step >= value) ?? value
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
