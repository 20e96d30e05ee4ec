// SPDX-License-Identifier: GPL-3.0-or-later
// Copies what was measured to where the simulator has it: `npm run bench -- scale costs`.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Costs } from '../../../keepers/sizing/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import type { Rows } from './fit.ts'

const short = (value: number, digits: number): string => String(Number(value.toPrecision(digits)))

/** Writes `MEASURED_COSTS` of keepers/sizing/costs.ts and the round trips of `PROTOCOL` in presets.ts. @returns the files that changed. */
export async function writeCosts(costs: Costs, rows: Rows): Promise<string[]> {
  const lines = Object.entries(costs).map(([name, cost]) => {
    const value =
      typeof cost === 'number' ? short(cost, 3) : `{ fixed: ${short(cost.fixed, 3)}, each: ${short(cost.each, 3)} }`
    return `  ${name}: ${value},\n`
  })
  const protocol = (text: string): string =>
    text.replace(/^ {2}(dial|blob|level|part|again|dialBytes|askBytes): [\d.]+,$/gm, (line, name: string) => {
      const row = rows.get(`scale.trips.${name}`)
      return row === undefined ? line : `  ${name}: ${short(row.value, 2)},`
    })
  const changed: string[] = []
  for (const [file, change] of [
    ['keepers/sizing/costs.ts', (text: string) => replaceBody(text, 'MEASURED_COSTS: Costs = {\n', lines.join(''))],
    ['keepers/sizing/presets.ts', protocol],
  ] as const) {
    const path = join(ROOT, file)
    const before = await readFile(path, 'utf8')
    const after = change(before)
    if (after === before) continue
    await writeFile(path, after)
    changed.push(file)
  }
  return changed
}

/** Replaces what is between the line that ends with `head` and the closing brace. */
function replaceBody(text: string, head: string, body: string): string {
  const from = text.indexOf(head)
  if (from < 0) throw new Error(`no "${head.trim()}" to be replaced`)
  const start = from + head.length
  return text.slice(0, start) + body + text.slice(text.indexOf('}\n', start))
}
