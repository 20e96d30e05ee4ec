// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper of five members at the step at which it stands for a sum: every member has committed and revealed.
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'

export const ALL = [0, 1, 2, 3, 4]
export const { round } = ROUND

/** The seats of members. */
export const seats = (...members: number[]): bigint => bitmapOf(members.map(seatOfIndex))

export async function aggregateStage(): Promise<RoundStage> {
  const stage = await roundStage({ members: ALL.length, threshold: 3, self: 1 })
  const roundInfo = { ...stage.snapshot.roundInfo, committed: seats(...ALL), revealed: seats(...ALL) }
  stage.snapshot = { ...stage.snapshot, state: 'Aggregate', roundInfo }
  return stage
}

/** The arguments of each sent call of a method. */
export const callsOf = ({ sent }: RoundStage, name: string) =>
  sent.filter(({ method }) => method === name).map(({ args }) => args)

/** All members reveal, and `changed` alters the updates of some. Returns the CIDs. */
export async function revealAll(
  stage: RoundStage,
  changed: Record<number, (update: Uint8Array) => Uint8Array> = {},
): Promise<string[]> {
  const cids: string[] = []
  for (const member of ALL) {
    const update = await stage.updateOf(member)
    cids.push(stage.reveal(member, changed[member]?.(update) ?? update))
  }
  return cids
}
