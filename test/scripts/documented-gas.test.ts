// SPDX-License-Identifier: GPL-3.0-or-later
// Gas in README and docs is what was measured: every figure stands in snapshots/ (which tests hold the contracts to) or in
// bench/results/.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { STEPS, simulatedGas } from '../../scripts/bench/clients/steps.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'

const NUMBER = /\d{1,3}(?:,\d{3})+/g

/** Every number in a JSON value, whole. */
function* numbersIn(value: unknown): Generator<number> {
  if (typeof value === 'number') yield Math.round(value)
  else if (value !== null && typeof value === 'object')
    for (const inner of Object.values(value)) yield* numbersIn(inner)
}

/** Figures of gas in Markdown's tables: cells that name it, and cells below or beside a cell `gas`. The first cell says what was measured. */
function gasIn(markdown: string): number[] {
  const found: number[] = []
  let underGas = false
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) {
      underGas = false
      continue
    }
    const cells = line.split('|').slice(1, -1)
    if ((/^ gas\b/.test(cells[0]!) && cells.slice(1).join('').trim() === '') || cells.at(-1) === ' gas ')
      underGas = true
    const beside = cells[0] === ' gas '
    for (const cell of cells.slice(1)) {
      if (underGas || beside || /\d gas\b/.test(cell)) {
        found.push(...(cell.match(NUMBER) ?? []).map((text) => Number(text.replaceAll(',', ''))))
      }
    }
  }
  return found
}

describe('gas in the documents', () => {
  const measured = new Set(
    globSync(['snapshots/*.json', 'bench/results/*.json'], { cwd: ROOT }).flatMap((file) => [
      ...numbersIn(JSON.parse(readFileSync(join(ROOT, file), 'utf8'))),
    ]),
  )

  it('is found in tables with a column, a row or a unit of that name', () => {
    expect(gasIn('| gas, whole | |\n| - | - |\n| `vote`, of 1,000 | 1,234 · 5,678 |\n\n| a | 9,999 |')).to.deep.equal([
      1234, 5678,
    ])
    expect(gasIn('| of ten | gas |\n| - | - |\n| most | 2,345 |')).to.deep.equal([2345])
    expect(
      gasIn('| what | figure |\n| a proof | 1.5 s · 3,456 gas |\n| bytes | 7,777 |\n| gas | 4,567 |'),
    ).to.deep.equal([3456, 4567])
  })

  for (const file of ['README.md', ...globSync('docs/*.md', { cwd: ROOT }).sort()]) {
    const figures = gasIn(readFileSync(join(ROOT, file), 'utf8'))
    if (figures.length === 0) continue
    it(`${file} states the measured gas (${figures.length} figures)`, () => {
      expect(figures.filter((figure) => !measured.has(figure))).to.deep.equal([])
    })
  }

  it('chains.md states the gas of every step on each client, as measured, beside the snapshot', async () => {
    const { rows } = JSON.parse(readFileSync(join(ROOT, 'bench/results/clients.json'), 'utf8')) as {
      rows: { metric: string; value: number }[]
    }
    const simulated = await simulatedGas()
    const text = readFileSync(join(ROOT, 'docs/chains.md'), 'utf8')
    for (const [method, step] of Object.entries(STEPS)) {
      const row = new RegExp(`^\\| ${step}\\b[^|]*\\| ([\\d,]+) \\| ([\\d,]+) \\| ([\\d,]+) \\|$`, 'm').exec(text)
      const stated = row?.slice(1).map((figure) => Number(figure.replaceAll(',', '')))
      const clients = ['anvil', 'geth'].map(
        (client) => rows.find(({ metric }) => metric === `clients.${client}.gas.${step}`)?.value,
      )
      expect(stated, step).to.deep.equal([...clients, simulated[method as keyof typeof STEPS]])
    }
  })
})
