// SPDX-License-Identifier: GPL-3.0-or-later
// The sums of an update's claim, on this engine's threads or with a helper elsewhere. Whoever helps can state wrong sums. Two things bound
// what that does: some chunks are computed here as well, and nothing that speaks against an update rests on a helper's word.
import { randomInt } from 'node:crypto'
import { type ClaimHelper, type ClaimTask, checkClaimSums, claimTaskBytes, optionsOf } from './claim-task.ts'
import { equalBytes } from './encoding.ts'
import type { Engine } from './engine.ts'
import type { ClaimSeeds, ClaimSums } from './projection.ts'
import { sumClaim } from './shortness.ts'
import type { Progress } from './types.ts'

/** Ciphertexts of one task: their sums have some 0.4 MB however many they are, each of them 0.06 MB. */
const CHUNK = 16
/** One chunk in so many is computed here as well. */
const AUDIT_ONE_IN = 8

/** The sums, chunk by chunk, and whether a helper had a part in them. */
export type HelpedSums = { readonly sums: readonly ClaimSums[]; readonly helped: boolean }

/** Throws nothing of the helper's: without its answer, or with a wrong one, the sums are computed here. */
export async function claimSums(
  engine: Engine,
  seeds: ClaimSeeds,
  ciphertexts: Uint8Array,
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

/** The same by this process alone. */
export function ownSums(
  engine: Engine,
  seeds: ClaimSeeds,
  ciphertexts: Uint8Array,
  progress: Progress,
): Promise<readonly ClaimSums[]> {
  return engine.exclusive((threads) => sumClaim(engine, threads, seeds, ciphertexts, progress))
}

/** Null when an audited chunk differs. */
async function withHelp(
  engine: Engine,
  claims: ClaimHelper,
  seeds: ClaimSeeds,
  ciphertexts: Uint8Array,
  { signal }: Progress,
): Promise<readonly ClaimSums[] | null> {
  const { plan } = engine
  const options = optionsOf(plan)
  const tasks: ClaimTask[] = []
  let at = 0
  for (let from = 0; from < plan.ciphertexts; from += CHUNK) {
    const to = Math.min(from + CHUNK, plan.ciphertexts)
    const length = claimTaskBytes(plan, from, to)
    const part = ciphertexts.subarray(at, at + length)
    tasks.push({ plan: options, planHash: plan.hash, seeds, from, to, ciphertexts: part })
    at += length
  }
  const answers = await Promise.all(
    tasks.map(async (task) => {
      const sums = await claims(task, signal)
      checkClaimSums(plan, sums)
      return sums
    }),
  )
  for (const [i, task] of tasks.entries()) {
    signal?.throwIfAborted()
    // Drawn after the answers are in: nobody knows which are looked at.
    if (randomInt(AUDIT_ONE_IN) !== 0) continue
    const [own, given] = [await engine.audit(task), answers[i]!]
    const same = own.constants.every((constant, column) => constant === given.constants[column])
    if (!same || !equalBytes(own.weights, given.weights)) return null
  }
  return answers
}
