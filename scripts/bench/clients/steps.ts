// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's steps of a round, by the name of their method and by that of their figure in snapshots/rounds.json.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../../bootstrap/paths.mjs'

export const STEPS = {
  commitUpdate: 'commit',
  revealUpdate: 'reveal',
  attest: 'attest',
  draft: 'draft',
  submitShare: 'share',
  vote: 'vote',
} as const

/** Those that cost by the number of members or of drafted ones: of four keepers, as the demo has. */
const OF_FOUR: ReadonlySet<string> = new Set([STEPS.draft, STEPS.submitShare])

/**
 * Gas of each step on the simulated chain, as a member pays that does not end the state: of four, the median is half of one that does, so the
 * other steps are those of ten.
 */
export async function simulatedGas(): Promise<Record<keyof typeof STEPS, number>> {
  const text = await readFile(join(ROOT, 'snapshots/rounds.json'), 'utf8')
  const figures = JSON.parse(text) as Record<string, Record<string, number>>
  const entries = Object.entries(STEPS).map(([method, name]) => {
    const size = OF_FOUR.has(name) ? 'keepers-4' : 'keepers-10'
    return [method, figures[size]![`${name}.median`]!]
  })
  return Object.fromEntries(entries) as Record<keyof typeof STEPS, number>
}
