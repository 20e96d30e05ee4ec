// SPDX-License-Identifier: GPL-3.0-or-later
// A program: `node scripts/bench/fhe/sum-memory.ts MEMBERS chunks|whole [PARAMETERS]` adds up as many updates from files as there are members,
// in pieces or one whole update after the other, then decrypts with as many shares as a threshold takes, and prints peak memory and processor
// seconds as JSON. Updates and shares are random coefficients under right headers: nobody encrypts ten million values eight times to measure
// memory. What they decrypt to is garbage, which is refused at the very end, after all the work.
import { randomFillSync } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dropBytes } from '../../../keepers/agent/memory.ts'
import { peakMemory } from '../../../keepers/cli/peak-memory.ts'
import {
  aggregate,
  aggregateInChunks,
  type CombineRequest,
  combine,
  FheError,
  type MessageSource,
  openAggregateMessage,
  openEngine,
  plan,
  type SumOfUpdates,
} from '../../../keepers/fhe/index.ts'
import { shapeOf } from '../../../keepers/fhe/packing.ts'
import { sharePrefix, updatePrefix } from '../../../keepers/fhe/vector-messages.ts'
import { ROUND } from './epoch.ts'

export type SumMemoryReport = {
  readonly members: number
  readonly mode: 'chunks' | 'whole'
  readonly parameters: number
  /** Peak memory before the sum, after it, and after the combination. */
  readonly startBytes: number
  readonly sumPeakBytes: number
  readonly peakBytes: number
  /** Of the processor, for sum and combination. */
  readonly seconds: number
}

const [members, mode, parameters = 10_002_573] = [
  Number(process.argv[2]),
  process.argv[3],
  Number(process.argv[4] ?? 10_002_573),
]
if (!(members >= 2) || (mode !== 'chunks' && mode !== 'whole'))
  throw new RangeError('usage: MEMBERS chunks|whole [PARAMETERS]')
const threshold = Math.floor(members / 2) + 1
const agreed = plan({
  ...{ members, threshold, vectorLength: parameters, clipBound: 1, clipNorm: 20, decryptionsPerKey: 100 },
  scaleBits: 'widest',
})
const engine = await openEngine(agreed)
const keyHash = new Uint8Array(32).fill(7)
const frame = { plan: agreed, context: ROUND, keyHash, shape: shapeOf(agreed, ROUND.round) }
const everyone = Array.from({ length: members }, (_, member) => member)
const activeSet = everyone.slice(0, threshold)
const folder = await mkdtemp(join(tmpdir(), 'cohort-sum-'))
const PIECE = 1 << 20

/** A file with that head, so many random bytes, and so many zeros. */
async function forge(name: string, head: Uint8Array, random: number, zeros: number): Promise<string> {
  const file = join(folder, name)
  const out = await open(file, 'w')
  await out.write(head)
  const piece = Buffer.alloc(PIECE)
  for (let left = random; left > 0; left -= PIECE) {
    randomFillSync(piece)
    await out.write(piece, 0, Math.min(left, PIECE))
  }
  await out.write(Buffer.alloc(zeros))
  await out.close()
  return file
}

async function sourceIn(file: string): Promise<MessageSource> {
  const handle = await open(file)
  const { size } = await handle.stat()
  const read = async (from: number, to: number) => {
    const bytes = new Uint8Array(to - from)
    await handle.read(bytes, 0, bytes.length, from)
    return bytes
  }
  return { size, read }
}

try {
  const random = agreed.wire.width * agreed.carried
  const updates = await Promise.all(
    everyone.map((sender) =>
      forge(`update ${sender}`, updatePrefix(frame, sender), random, agreed.bytes.shortnessProof),
    ),
  )
  const shares = await Promise.all(
    activeSet.map((sender) => forge(`share ${sender}`, sharePrefix(frame, sender, everyone, activeSet), random, 0)),
  )
  const before = peakMemory()
  const cpu = process.cpuUsage()
  const terms = { context: ROUND, activeSet, totalWeight: members }
  let request: CombineRequest
  let sumPeakBytes = 0
  if (mode === 'chunks') {
    const sources = await Promise.all(updates.map(sourceIn))
    const messages = sources.map((message, sender) => ({ sender, message }))
    const file = join(folder, 'sum')
    const out = await open(file, 'w')
    await aggregateInChunks(engine, {
      context: ROUND,
      keyHash,
      updates: messages,
      write: async (piece) => void (await out.write(piece)),
    })
    await out.close()
    sumPeakBytes = peakMemory()
    const sum: SumOfUpdates = await openAggregateMessage(engine, await sourceIn(file), { context: ROUND, keyHash })
    request = { ...terms, aggregate: sum, shareMessages: await Promise.all(shares.map(sourceIn)) }
  } else {
    const whole = async function* () {
      for (const [sender, file] of updates.entries()) yield { sender, bytes: new Uint8Array(await readFile(file)) }
    }
    const sum = await aggregate(engine, { context: ROUND, keyHash, updates: whole(), release: dropBytes })
    sumPeakBytes = peakMemory()
    const each = async function* () {
      for (const file of shares) yield new Uint8Array(await readFile(file))
    }
    request = { ...terms, aggregate: sum, shares: each(), release: dropBytes }
  }
  const refused = await combine(engine, request).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(refused instanceof FheError && refused.code === 'integrity-failed'))
    throw refused ?? new Error('garbage was believed')
  const { user, system } = process.cpuUsage(cpu)
  const report: SumMemoryReport = {
    ...{ members, mode, parameters, startBytes: before, sumPeakBytes },
    ...{ peakBytes: peakMemory(), seconds: (user + system) / 1e6 },
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
} finally {
  await engine.close()
  await rm(folder, { recursive: true, force: true })
}
