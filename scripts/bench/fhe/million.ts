// SPDX-License-Identifier: GPL-3.0-or-later
// A program: one keeper's round over 1,000,000 parameters, one thread, cold. Prints its report as JSON.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peakMemory } from '../../../keepers/cli/peak-memory.ts'
import { aggregate, combine, encryptUpdate, openEngine, partialDecrypt } from '../../../keepers/fhe/index.ts'
import { ACTIVE, EVERYONE, MEMBERS, makeEpoch, planFor, ROUND, SIZES, shareRequest, updateRequest } from './epoch.ts'

export type MillionReport = Readonly<
  Record<'encrypt' | 'aggregate' | 'partial' | 'combine' | 'cpu' | 'peakBytes' | 'worstError' | 'statedError', number>
>

/** Updates and shares go through files, as a keeper's go through its block store. */
async function runMillion(): Promise<MillionReport> {
  const size = SIZES[2]!
  const engine = await openEngine(planFor(size))
  const epoch = await makeEpoch(engine)
  const scratch = await mkdtemp(join(tmpdir(), 'cohort-bench-'))
  // Processor time, too: on a machine that does other things, the clock measures them.
  let cpu = 0
  const clock = async <T>(body: () => Promise<T>, counts = true): Promise<[T, number]> => {
    const [from, before] = [performance.now(), process.cpuUsage()]
    const result = await body()
    const used = process.cpuUsage(before)
    if (counts) cpu += (used.user + used.system) / 1000
    return [result, performance.now() - from]
  }
  try {
    const vector = updateRequest(epoch, size)
    const encryptions: number[] = []
    for (const sender of EVERYONE) {
      const request = { ...vector, memberKey: epoch.keys[sender]! }
      const [update, ms] = await clock(() => encryptUpdate(engine, request), sender === 0)
      encryptions.push(ms)
      await writeFile(join(scratch, `update ${sender}`), update)
    }
    const updates = async function* () {
      for (const sender of EVERYONE) yield { sender, bytes: await readFile(join(scratch, `update ${sender}`)) }
    }
    const [aggregated, aggregateMs] = await clock(
      () => aggregate(engine, { context: ROUND, keyHash: epoch.keyHash, updates: updates() }),
      false,
    )
    const partials: number[] = []
    for (const self of ACTIVE) {
      const [share, ms] = await clock(() => partialDecrypt(engine, shareRequest(epoch, self)), self === 0)
      partials.push(ms)
      await writeFile(join(scratch, String(self)), share)
    }
    const files = async function* () {
      for (const self of ACTIVE) yield await readFile(join(scratch, String(self)))
    }
    const [{ mean }, combineMs] = await clock(() =>
      combine(engine, {
        context: ROUND,
        aggregate: aggregated,
        totalWeight: aggregated.contributors.length,
        activeSet: ACTIVE,
        shares: files(),
      }),
    )
    const worst = mean.reduce((most, value, i) => Math.max(most, Math.abs(value - vector.vector[i]!)), 0)
    return {
      encrypt: encryptions[0]!,
      aggregate: aggregateMs,
      partial: partials[0]!,
      combine: combineMs,
      cpu,
      peakBytes: peakMemory(),
      worstError: worst,
      statedError: engine.plan.precision.meanError / MEMBERS,
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await engine.close()
  }
}

process.stdout.write(JSON.stringify(await runMillion()))
