// SPDX-License-Identifier: GPL-3.0-or-later
// Whole vectors through a round: time, bytes and memory, and the proof that an update is short.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  aggregate,
  checkUpdate,
  checkUpdatePoint,
  combine,
  encryptUpdate,
  openEngine,
  type Plan,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { type BenchContext, median, time } from '../harness.ts'
import { ACTIVE, makeEpoch, oneRound, planFor, ROUND, SIZES, shareRequest, updateRequest } from './epoch.ts'
import type { MillionReport } from './million.ts'
import type { SumMemoryReport } from './sum-memory.ts'

const SUM_MEMORY = fileURLToPath(new URL('./sum-memory.ts', import.meta.url))
const MILLION = fileURLToPath(new URL('./million.ts', import.meta.url))

/** The cost of proving that an update is short, for its sender, and of checking it, for each member, in processor time. */
export async function proofs(context: BenchContext, size: number): Promise<void> {
  const engine = await openEngine(planFor(size))
  const epoch = await makeEpoch(engine)
  const request = updateRequest(epoch, size)
  const bytes = await encryptUpdate(engine, request)
  const cpu = async (body: () => unknown) => {
    const before = process.cpuUsage()
    await body()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const all: number[] = []
  const points: number[] = []
  for (let run = 0; run < (context.quick ? 3 : 9); run++) {
    all.push(await cpu(() => encryptUpdate(engine, request)))
    points.push(
      await cpu(async () => {
        checkUpdate(engine, bytes, { context: ROUND, sender: 0, keyHash: epoch.keyHash })
        const { agrees } = await checkUpdatePoint(engine, {
          context: ROUND,
          memberKey: epoch.keys[1]!,
          sender: 0,
          bytes,
        })
        if (!agrees) throw new Error('an honest update does not pass')
      }),
    )
  }
  const metric = `fhe.vector_${size}`
  context.record({
    metric: `${metric}.encrypt_and_prove_cpu`,
    value: median(all),
    unit: 'ms',
    note: 'processor time, one thread; with drawings of masks that do not pass, one in twenty',
  })
  context.record({
    metric: `${metric}.check_cpu`,
    value: median(points),
    unit: 'ms',
    note: 'public part and own point, of one update',
  })
  context.record({ metric: `${metric}.proof_size`, value: engine.plan.bytes.shortnessProof, unit: 'bytes' })
  await engine.close()
}

/** A vector that fits in memory many times over. */
export async function perVector(context: BenchContext, size: number): Promise<void> {
  const engine = await openEngine(planFor(size))
  const epoch = await makeEpoch(engine)
  const { updates, aggregated, shares } = await oneRound(engine, epoch, size)
  const runs = { warmup: 3, runs: context.quick ? 5 : 15 }
  const vector = updateRequest(epoch, size)
  const steps: [string, () => Promise<unknown>][] = [
    ['encrypt', () => encryptUpdate(engine, vector)],
    ['aggregate_10', () => aggregate(engine, { context: ROUND, keyHash: epoch.keyHash, updates })],
    ['partial_decryption', () => partialDecrypt(engine, shareRequest(epoch, 0))],
    [
      'combine_7',
      () =>
        combine(engine, {
          context: ROUND,
          aggregate: aggregated,
          totalWeight: aggregated.contributors.length,
          activeSet: ACTIVE,
          shares,
        }),
    ],
  ]
  for (const [name, step] of steps) {
    const timing = await time(step, runs)
    context.record({ metric: `fhe.vector_${size}.${name}`, value: timing.median, unit: 'ms', spread: timing.spread })
  }
  recordBytes(context, engine.plan)
  await engine.close()
}

function recordBytes(context: BenchContext, agreed: Plan): void {
  const { bytes, vectorLength } = agreed
  context.record({ metric: `fhe.vector_${vectorLength}.update_size`, value: bytes.update, unit: 'bytes' })
  context.record({ metric: `fhe.vector_${vectorLength}.share_size`, value: bytes.decryptionShare, unit: 'bytes' })
}

/** What a sum of ten million parameters and its combination take, in chunks and with whole messages: processes of their own. */
export async function sumMemory(context: BenchContext): Promise<void> {
  for (const members of [4, 8]) {
    context.progress(`the sum of ${members} updates of ten million parameters`)
    const run = async (mode: 'chunks' | 'whole'): Promise<SumMemoryReport> => {
      const { stdout } = await promisify(execFile)(process.execPath, [SUM_MEMORY, String(members), mode])
      return JSON.parse(stdout) as SumMemoryReport
    }
    const [chunks, whole] = [await run('chunks'), await run('whole')]
    context.record({
      metric: `fhe.sum_${chunks.parameters}.peak_memory_${members}`,
      value: chunks.peakBytes,
      unit: 'bytes',
      peer: 'whole messages',
      peerValue: whole.peakBytes,
      note: 'sum and combination, the whole process',
    })
  }
}

/** In a process of its own, so that its peak memory is its own. */
export async function million(context: BenchContext): Promise<void> {
  const size = SIZES[2]!
  context.progress('1,000,000 parameters in a process of their own')
  const { stdout } = await promisify(execFile)(process.execPath, [MILLION])
  const report = JSON.parse(stdout) as MillionReport
  const ms = (metric: string, value: number) =>
    context.record({ metric: `fhe.vector_${size}.${metric}`, value, unit: 'ms' })
  ms('encrypt', report.encrypt)
  ms('aggregate_10', report.aggregate)
  ms('partial_decryption', report.partial)
  ms('combine_7', report.combine)
  context.record({
    metric: `fhe.vector_${size}.end_to_end`,
    value: (report.encrypt + report.partial + report.combine) / 1000,
    unit: 's',
    note: 'encrypt + partial decryption + combination of 7, one thread, cold; at most 8',
  })
  context.record({
    metric: `fhe.vector_${size}.end_to_end_cpu`,
    value: report.cpu / 1000,
    unit: 's',
    note: 'processor time of the same, compilation and garbage collection included',
  })
  context.record({
    metric: `fhe.vector_${size}.peak_memory`,
    value: report.peakBytes,
    unit: 'bytes',
    note: 'resident set of the whole process; at most 600 MB',
  })
  context.record({
    metric: `fhe.vector_${size}.mean_error`,
    value: report.worstError,
    unit: 'absolute',
    peer: 'bound stated by the calculator',
    peerValue: report.statedError,
  })
  recordBytes(context, planFor(size))
}
