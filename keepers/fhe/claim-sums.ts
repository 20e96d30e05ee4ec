// SPDX-License-Identifier: GPL-3.0-or-later
// Computes the sums of an update's claim, on this engine's threads or with a helper elsewhere. A helper may state wrong sums. Two things limit the harm:
// some chunks are also computed here, and an update is never refused on a helper's word alone.
import { randomInt } from 'node:crypto'
import { type ClaimHelper, type ClaimTask, checkClaimSums, optionsOf } from './claim-task.ts'
import { equalBytes } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { type Chunk, type Coefficients, chunksOf, readChunk } from './message-source.ts'
import type { ClaimSeeds, ClaimSums } from './projection.ts'
import { sumClaim } from './shortness.ts'
import { vectorShape } from './sizes.ts'
import type { Progress } from './types.ts'

/**
 * Tasks under way at a time. A task is a chunk. Its sums have some 0.4 MB, however many ciphertexts it has, and each ciphertext has 0.06 MB. Ciphertexts
 * are read when their task begins, so that no update is in memory as a whole.
 */
const AT_ONCE = 16
/** On average, one chunk in this many is also computed here. */
const AUDIT_ONE_IN = 8

/** The sums, chunk by chunk, and whether a helper had a part in them. */
export type HelpedSums = { readonly sums: readonly ClaimSums[]; readonly helped: boolean }

/** The sums, with the engine's helper if it has one. Never throws a helper's error: without its answer, or with a wrong one, they are computed here. */
export async function claimSums(
  engine: Engine,
  seeds: ClaimSeeds,
  ciphertexts: Coefficients,
  progress: Progress,
): Promise<HelpedSums> {
  const { claims } = engine
  if (claims === null) return { sums: await ownSums(engine, seeds, ciphertexts, progress), helped: false }
  try {
    const sums = await withHelp(engine, claims, seeds, ciphertexts, progress)
    if (sums !== null) return { sums, helped: true }
  } catch (error) {
    progress.signal?.throwIfAborted()
    if (!(error instanceof Error)) throw error
  }
  return { sums: await ownSums(engine, seeds, ciphertexts, progress), helped: false }
}

/** The sums, computed by this process alone. */
export function ownSums(
  engine: Engine,
  seeds: ClaimSeeds,
  ciphertexts: Coefficients,
  progress: Progress,
): Promise<readonly ClaimSums[]> {
  return engine.exclusive((threads) => sumClaim(engine, threads, seeds, ciphertexts, progress))
}

/** Null when an audited chunk differs. */
async function withHelp(
  engine: Engine,
  claims: ClaimHelper,
  seeds: ClaimSeeds,
  ciphertexts: Coefficients,
  { signal }: Progress,
): Promise<readonly ClaimSums[] | null> {
  const { plan } = engine
  const options = optionsOf(plan)
  const chunks = [...chunksOf(plan.set, vectorShape(plan.set, plan.vectorLength))]
  const taskOf = async (chunk: Chunk): Promise<ClaimTask> => {
    const [from, to] = [chunk.first, chunk.first + chunk.count]
    const bytes = await readChunk(ciphertexts, chunk, 'update')
    return { plan: options, planHash: plan.hash, seeds, from, to, ciphertexts: bytes }
  }
  const answers = new Array<ClaimSums>(chunks.length)
  await eachOf(chunks.length, AT_ONCE, signal === undefined ? {} : { signal }, async (i) => {
    const sums = await claims(await taskOf(chunks[i]!), signal)
    checkClaimSums(plan, sums)
    answers[i] = sums
  })
  for (const [i, chunk] of chunks.entries()) {
    signal?.throwIfAborted()
    // Drawn after the answers are in, so that no helper knows which chunks are audited.
    if (randomInt(AUDIT_ONE_IN) !== 0) continue
    const task = await taskOf(chunk)
    const [own, given] = [await engine.audit(task), answers[i]!]
    const same = own.constants.every((constant, column) => constant === given.constants[column])
    if (!same || !equalBytes(own.weights, given.weights)) return null
  }
  return answers
}
