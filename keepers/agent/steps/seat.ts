// SPDX-License-Identifier: GPL-3.0-or-later
import { ZeroAddress } from 'ethers'
import { RevertError } from '../../chain/index.ts'
import { act } from '../actions.ts'
import type { Step } from '../context.ts'
import { AgentError } from '../errors.ts'

/** Refusals that time or the owner resolves; the keeper goes on and tries again. */
const WAITING: ReadonlySet<string> = new Set([
  'ServiceFull',
  'KeeperJailed',
  'InsufficientFreeStake',
  'StakeBelowMinimum',
  'ServiceNotActive',
])

/** Takes a seat of the service for the keeper that this operator acts for. @throws AgentError NOT_REGISTERED. */
export async function ensureSeat(step: Step): Promise<void> {
  const { context } = step
  const owner = await context.contracts.registry.ownerOfOperator(context.operator)
  if (owner === ZeroAddress) {
    throw new AgentError(
      'NOT_REGISTERED',
      `${context.operator} acts for no registered keeper: run \`cohort keeper register\` with the owner's key`,
    )
  }
  try {
    await act(step, 'join', [owner])
  } catch (error) {
    if (!(error instanceof RevertError) || !WAITING.has(error.error)) throw error
    context.log.warn({ event: 'no seat', reason: error.message }, 'cannot take a seat yet')
  }
}
