// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { RevertError } from '../../chain/index.ts'
import { act } from '../actions.ts'
import type { AgentContext, Step } from '../context.ts'
import { ownerHere } from './registered.ts'
import { sortitionOf, takePart } from './sortition.ts'

/** Refusals that pass with time or that the owner resolves. The keeper goes on and tries again. */
const WAITING: ReadonlySet<string> = new Set([
  'ServiceFull',
  'KeeperJailed',
  'InsufficientFreeStake',
  'StakeBelowMinimum',
  'ServiceNotActive',
  'NotOptedIn',
  'NotAdmitted',
  'PartyFull',
])

/** Records of the blocks in which the seat was given up, and in which the chain took it. */
const LEFT = 'left the service'
const PUT_OUT = 'put out of the service'

/** Puts on record that the chain takes this keeper's seat, perhaps only at the end of the epoch. */
export function notePutOut({ store }: Pick<AgentContext, 'store'>, block: number): void {
  store.putRecord(PUT_OUT, block)
}

/**
 * Whether the seat was given up rather than lost: then the daemon must not take another one. Recorded, because events of old rounds are
 * forgotten.
 */
export function hasLeft({ context }: Pick<Step, 'context'>, owner: string): boolean {
  const { facts, store } = context
  const block = (name: 'Joined' | 'Left' | 'Dropped' | 'StruckOut'): number =>
    facts.last(name, { keeper: owner })?.block ?? 0
  const recorded = (name: string): number => z.number().nullable().parse(store.getRecord(name)) ?? 0
  const joined = block('Joined')
  const left = Math.max(block('Left'), recorded(LEFT))
  const putOut = Math.max(block('Dropped'), block('StruckOut'), recorded(PUT_OUT))
  if (left <= joined || (putOut > 0 && putOut >= joined)) return false
  if (recorded(LEFT) !== left) store.putRecord(LEFT, left)
  return true
}

/**
 * Takes a seat of the service for the keeper that this operator acts for; where members are drawn, only after a draw has chosen it.
 * @throws AgentError NOT_REGISTERED.
 */
export async function ensureSeat(step: Step): Promise<void> {
  const { context } = step
  const owner = await ownerHere(context)
  if (owner === null) return
  const sortition = await sortitionOf(context)
  // Where members are drawn, every seat ends with the epoch, so losing it says nothing. Being a candidate shows that the keeper wants a seat.
  if (sortition !== null) {
    if (!(await takePart(step, sortition, owner))) return
  } else if (hasLeft(step, owner)) {
    context.log.info(
      { event: 'left', owner },
      'this keeper has left the service: stop it, or take a seat again with `cohort keeper register`',
    )
    return
  }
  try {
    await act(step, 'join', [owner])
  } catch (error) {
    if (!(error instanceof RevertError) || !WAITING.has(error.error)) throw error
    context.log.warn({ event: 'no seat', reason: error.message }, 'cannot take a seat yet')
  }
}
