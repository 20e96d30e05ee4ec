// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a service that measures contributions sit out rounds in turn (contracts/market/Contributions.sol): an update of zeros, and all the
// rest of a member's work.
import { clients, hasSeat } from '../../chain/index.ts'
import type { Step } from '../context.ts'

/**
 * Whether this member is to sit out the round that trains. A rota that cannot be read is no reason to miss a round: the score goes by the rota,
 * and training in spite of it only brings the member's own towards zero.
 */
export async function sitsOut(step: Step & { readonly seat: number }): Promise<boolean> {
  const { context, snapshot, seat } = step
  const { rota } = context.config
  if (rota === undefined) return false
  const { round } = snapshot
  try {
    const rewards = clients.improvementRewards(rota.rewards, context.contracts.service.runner!)
    const seats = await rewards.sittersOf(rota.campaign, round)
    return hasSeat(seats, seat)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    context.log.info(
      { event: 'no rota', round, reason },
      'the contract of rewards does not say who sits out: training as usual',
    )
    return false
  }
}
