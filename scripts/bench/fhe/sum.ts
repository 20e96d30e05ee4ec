// SPDX-License-Identifier: GPL-3.0-or-later
// A program: adds up the updates in a folder, `update 0`, `update 1` and so on, one in memory at a time, as a keeper does with the
// updates that it fetches. Takes the round as JSON on its command line, prints its report as JSON.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dropBytes } from '../../../keepers/agent/memory.ts'
import { peakMemory } from '../../../keepers/cli/peak-memory.ts'
import { aggregate, openEngine, type PlanOptions, plan, type RoundContext } from '../../../keepers/fhe/index.ts'

export type SumTask = {
  readonly folder: string
  readonly options: PlanOptions
  /** The bigint of it as a string. */
  readonly context: Omit<RoundContext, 'chainId'> & { readonly chainId: string }
  readonly keyHash: string
}

export type SumReport = { readonly seconds: number; readonly peakBytes: number }

const { folder, options, context, keyHash } = JSON.parse(process.argv[2]!) as SumTask
const engine = await openEngine(plan(options))
const updates = async function* () {
  for (let sender = 0; sender < options.members; sender++) {
    yield { sender, bytes: await readFile(join(folder, `update ${sender}`)) }
  }
}
const start = performance.now()
await aggregate(engine, {
  context: { ...context, chainId: BigInt(context.chainId) },
  keyHash: Buffer.from(keyHash, 'hex'),
  updates: updates(),
  release: dropBytes,
})
const report: SumReport = {
  seconds: (performance.now() - start) / 1000,
  peakBytes: peakMemory(),
}
process.stdout.write(JSON.stringify(report))
await engine.close()
