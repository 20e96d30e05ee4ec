// SPDX-License-Identifier: GPL-3.0-or-later
import { bitmapOf, steady } from '../../chain/index.ts'
import { type Aggregate, aggregateOfSlices, FheError, sliceCount, sliceCuts } from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import { cidOf, elapsed } from '../actions.ts'
import type { EpochFrame } from '../epoch.ts'
import { parametersOf } from '../frame.ts'
import { bringWhole } from '../messages.ts'
import { drawSeed } from '../steps/open-draft.ts'
import { counts, type Revealed, reviewUpdate } from '../steps/review.ts'
import { retried } from './messages.ts'
import { sumBySlices } from './sums.ts'
import { maySlice } from './trust.ts'
import type { Member, SliceWork } from './work.ts'

/** Fraction of Aggregate's window for which this keeper waits for the others' sums. */
export const PATIENCE = 0.15

/**
 * Adds up the revealed updates of a round by slices, all of them or none. Every member checks one update, and adds up its slices. Only for a
 * round without a dispute: after one, the sum lacks some updates.
 * @returns null where this keeper adds up by itself.
 */
export async function aggregateBySlices(
  step: Member,
  frame: EpochFrame,
  keyHash: Uint8Array,
  revealed: readonly Revealed[],
): Promise<Aggregate | null> {
  const { context, snapshot } = step
  const { round } = snapshot
  if (!context.config.network.slices || sliceCount(frame.plan) < 2 || !maySlice(step)) return null
  const { aggregate: window } = (await parametersOf(step)).windows
  const left = PATIENCE - elapsed(step, window)
  const last = revealed.at(-1)
  if (left <= 0 || last === undefined || !revealed.every((update) => counts(frame, update))) return null
  const bySeat = new Map(revealed.map((update) => [update.seat, update]))
  const patience = Math.min(left * window, context.config.network.fetchSeconds) * 1000
  const cuts = sliceCuts(frame.plan, 'update')
  const under = new Map<number, Promise<void>>()
  const bring = (seat: number, until: number): Promise<void> => {
    const cid = cidOf(bySeat.get(seat)!.fact)
    const message = { kind: 'update', seat, cid, round, maxBytes: frame.plan.bytes.update, cuts, until }
    const brought = under.get(seat) ?? bringWhole(step, message).finally(() => under.delete(seat))
    under.set(seat, brought)
    return brought
  }
  const work: SliceWork = {
    message: 'update',
    round,
    sources: sourcesOf(revealed),
    helpers: bitmapOf([...bySeat.keys()]),
    // Nobody knows the seed before the last reveal.
    seed: drawSeed(context.serviceAddress, round, last.fact.blockHash),
    until: steady(context.clock) + patience,
    bring,
    check: async (seat, until) => {
      const review = await retried(step, until, async () => {
        await bring(seat, until)
        const timeout = Math.max(1, until - steady(context.clock))
        const found = await reviewUpdate(step, frame, keyHash, bySeat.get(seat)!, { timeout })
        if (found.kind !== 'missing') return found
        throw new NetworkError('UNAVAILABLE', found.reason)
      }).catch((error: unknown) => {
        if (error instanceof NetworkError) return null
        throw error
      })
      if (review === null) return 'absent'
      return review.kind === 'sound' && review.agrees ? 'sound' : 'unsound'
    },
  }
  const { sums } = await sumBySlices(step, frame, work)
  return sums === null ? null : joined(frame, keyHash, { round, revealed, sums })
}

/** Who serves which update. */
export const sourcesOf = (revealed: readonly Revealed[]): SliceWork['sources'] =>
  revealed.map(({ seat, fact }) => ({ seat, cid: cidOf(fact) }))

function joined(
  frame: EpochFrame,
  keyHash: Uint8Array,
  of: { readonly round: number; readonly revealed: readonly Revealed[]; readonly sums: readonly Uint8Array[] },
): Aggregate | null {
  const contributors = of.revealed.map(({ sender }) => sender)
  try {
    const context = { ...frame.context, round: of.round }
    return aggregateOfSlices(frame.engine, { context, keyHash, contributors, sums: of.sums })
  } catch (error) {
    // All members of a slice lied: what they made cannot be a sum.
    if (error instanceof FheError) return null
    throw error
  }
}
