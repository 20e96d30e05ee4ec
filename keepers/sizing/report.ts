// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated rounds as CSV, as a table, and as a picture of where their time goes.
import { COMPONENTS, type Component, PHASES } from './service.ts'
import type { Figure, ServiceResult, ServiceRound } from './simulate.ts'

const COLUMNS: readonly (readonly [string, (round: ServiceRound, of: ServiceResult) => number | string])[] = [
  ['keepers', (_, { settings }) => settings.keepers],
  ['round', ({ round }) => round],
  ['seconds', ({ seconds }) => seconds],
  ...PHASES.map((phase) => [phase, ({ phases }: ServiceRound) => phases[phase]] as const),
  ...COMPONENTS.map((component) => [`of-${component}`, ({ spent }: ServiceRound) => spent[component]] as const),
  ['lost', ({ lost }) => (lost ? 1 : 0)],
  ...(['fetched', 'served', 'processor', 'gas'] as const).flatMap((what) => [
    [what, (round: ServiceRound) => round[what].mean] as const,
    [`${what}-most`, (round: ServiceRound) => round[what].most] as const,
  ]),
  ['round-gas', ({ roundGas }) => roundGas],
  ['sliced', ({ sliced }) => sliced],
  ['updates', ({ updates }) => updates],
  ['stale', ({ stale }) => stale],
]

/** One line for each round of each service, RFC 4180: seconds, bytes, processor seconds and gas. */
export function serviceCsv(results: readonly ServiceResult[]): string {
  const lines = results.flatMap((result) =>
    result.rounds.map((round) => COLUMNS.map(([, value]) => shortNumber(value(round, result))).join(',')),
  )
  return `${[COLUMNS.map(([name]) => name).join(','), ...lines].join('\n')}\n`
}

const shortNumber = (value: number | string): string =>
  typeof value === 'string' || Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))

/** Means over the rounds of a service that were not lost; over all when every one was. */
export function meanRound({ rounds }: Pick<ServiceResult, 'rounds'>) {
  const completed = rounds.filter(({ lost }) => !lost)
  const counted = completed.length > 0 ? completed : rounds
  const mean = (value: (round: ServiceRound) => number): number =>
    counted.reduce((sum, round) => sum + value(round), 0) / counted.length
  const figure = (of: (round: ServiceRound) => Figure): Figure => ({
    mean: mean((round) => of(round).mean),
    most: Math.max(...counted.map((round) => of(round).most)),
  })
  return {
    seconds: mean(({ seconds }) => seconds),
    spent: Object.fromEntries(
      COMPONENTS.map((component) => [component, mean(({ spent }) => spent[component])]),
    ) as Record<Component, number>,
    fetched: figure(({ fetched }) => fetched),
    served: figure(({ served }) => served),
    processor: figure(({ processor }) => processor),
    gas: figure(({ gas }) => gas),
    roundGas: mean(({ roundGas }) => roundGas),
    sliced: mean(({ sliced }) => sliced),
    updates: mean(({ updates }) => updates),
    stale: mean(({ stale }) => stale),
    lost: rounds.length - completed.length,
  }
}

const COLOURS: Readonly<Record<Component, string>> = {
  training: '#94a3b8',
  processor: '#1f6feb',
  network: '#c2410c',
  chain: '#7c3aed',
  waiting: '#b91c1c',
}
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 70, 20, 60, 46]

/** An SVG of 720×400: a bar for each round, or for each service when there are several, divided by where its seconds went. */
export function serviceChart(results: readonly ServiceResult[], title: string): string {
  const [first] = results
  const bars =
    results.length === 1
      ? first!.rounds.map(({ round, spent }) => ({ label: String(round), spent }))
      : results.map((result) => ({ label: String(result.settings.keepers), spent: meanRound(result).spent }))
  const heightOf = (spent: Record<Component, number>): number => COMPONENTS.reduce((sum, of) => sum + spent[of], 0)
  const top = niceCeiling(Math.max(1, ...bars.map(({ spent }) => heightOf(spent))))
  const y = (seconds: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - seconds / top)
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, bars.length)
  const every = Math.ceil(bars.length / 20)
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * top).toFixed(1)}" y2="${y(share * top).toFixed(1)}" stroke="#ddd" />` +
      `<text x="${LEFT - 8}" y="${(y(share * top) + 4).toFixed(1)}" text-anchor="end">${Number((share * top).toPrecision(3))} s</text>`,
  )
  const drawn = bars.map(({ label, spent }, i) => {
    let below = 0
    const x = LEFT + i * step + 0.1 * step
    const parts = COMPONENTS.map((component) => {
      const from = below
      below += spent[component]
      const height = y(from) - y(below)
      return height < 0.05
        ? ''
        : `<rect x="${x.toFixed(1)}" y="${y(below).toFixed(1)}" width="${(0.8 * step).toFixed(1)}" height="${height.toFixed(1)}" fill="${COLOURS[component]}" />`
    })
    const middle = (x + 0.4 * step).toFixed(1)
    const text =
      i % every === 0 ? `<text x="${middle}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label}</text>` : ''
    return parts.join('') + text
  })
  const legend = COMPONENTS.map(
    (component, i) =>
      `<rect x="${LEFT + 110 * i}" y="36" width="10" height="10" fill="${COLOURS[component]}" />` +
      `<text x="${LEFT + 110 * i + 15}" y="45">${component}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#555">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff" />`,
    `<text x="${LEFT}" y="24" font-size="15" fill="#222">${escapeXml(title)}</text>`,
    ...legend,
    ...grid,
    ...drawn,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${results.length === 1 ? 'round' : 'keepers'}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 2.5, 5, 10].map((step) => step * unit).find((step) => step >= value) ?? value
}

const escapeXml = (text: string): string => text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
