// SPDX-License-Identifier: GPL-3.0-or-later
// Services larger than this machine: real rounds of 4, 8 and 16 keepers here, a simulator that is fitted to 4 and 8 and has to predict 16,
// and what it then says of 64, 256 and 1,024 keepers on other networks and chains. docs/scaling.md reads the rows.
//   scale.operation.<operation>.{fixed,each}, scale.trips.{dial,blob,level,part,again,dialBytes,askBytes}
//   scale.measured.<keepers>.<path>.{processor,processor.<phase>,waiting,seconds,fetched.*,gas,others,sliced}, path: full or slices
//   scale.fit.{blob,part,round,follow}
//   scale.compared.<keepers>.<path>.{fetched.*,processor,seconds}: the prediction, with what was measured as its peer
//   scale.predicted.<keepers>.<network>.<chain>.<path>.{seconds,fetched,processor,gas,round-gas}, and .keys of an epoch
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'
import { type Bench, type BenchContext, type BenchRow, RESULTS_DIR } from './harness.ts'
import { writeCosts } from './scale/costs-file.ts'
import { compare, fitCosts } from './scale/fit.ts'
import { measureOperations } from './scale/operations.ts'
import { predict } from './scale/predict.ts'
import { measureRoundTrips } from './scale/round-trips.ts'
import { measureRun, recordRun } from './scale/runs.ts'

const ROUNDS = 3
/** Real rounds, by the name of their subject. */
const RUNS = new Map([4, 8, 16].map((keepers) => [String(keepers), { keepers, slices: false, rounds: ROUNDS }]))
for (const keepers of [8, 16]) RUNS.set(`${keepers}-slices`, { keepers, slices: true, rounds: ROUNDS })

export const bench: Bench = {
  area: 'scale',
  summary:
    '[trips, operations, 4, 8, 16, 8-slices, 16-slices, compare, predict, costs]: services of 64, 256, 1,024 keepers from rounds of 4, 8, 16',
  async run(context) {
    const isAsked = (subject: string): boolean => context.args.length === 0 || context.args.includes(subject)
    if (isAsked('trips')) {
      context.progress('round trips of the data plane')
      for (const [what, value] of Object.entries(await measureRoundTrips())) {
        context.record({ metric: `scale.trips.${what}`, value, unit: what.endsWith('Bytes') ? 'bytes' : 'round trips' })
      }
    }
    if (isAsked('operations')) {
      context.progress('operations of a round')
      for (const [what, { fixed, each }] of Object.entries(await measureOperations())) {
        context.record({ metric: `scale.operation.${what}.fixed`, value: fixed, unit: 's', note: 'processor time' })
        context.record({ metric: `scale.operation.${what}.each`, value: each, unit: 's', note: 'a coefficient' })
      }
    }
    for (const [subject, run] of RUNS) {
      if (context.quick && run.keepers > 4) continue
      if (isAsked(subject)) recordRun(context, await measureRun(context, run))
    }
    const rows = await rowsSoFar(context)
    const costs = fitCosts(rows)
    if (isAsked('compare')) compare(context, rows, costs)
    if (isAsked('predict')) predict(context, costs)
    // Only when it is named: it writes to the sources.
    if (context.args.includes('costs')) {
      for (const file of await writeCosts(costs, rows)) context.progress(`${file} has the new costs`)
    }
  },
}

/** What was measured in this run, and before. */
async function rowsSoFar(context: BenchContext): Promise<ReadonlyMap<string, BenchRow>> {
  const text = await readFile(join(ROOT, RESULTS_DIR, 'scale.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"rows":[]}'
    throw error
  })
  const { rows } = JSON.parse(text) as { rows: BenchRow[] }
  return new Map([...rows, ...context.rows].map((row) => [row.metric, row]))
}
