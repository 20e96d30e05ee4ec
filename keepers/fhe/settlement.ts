// SPDX-License-Identifier: GPL-3.0-or-later
// Who was right in a dispute about updates, from what the members posted of them. A true H is what all honest members post; a
// false one is another polynomial of degree below t, and can be right at t − 1 points at most. So what more than half of the
// posts beyond t contradict is false, as long as no more than ⌊(m − t)/2⌋ of the m posters lie (Reed and Solomon's bound).
import { equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import type { Plan } from './plan.ts'
import { claimedScalar, type UpdateClaim } from './update-claim.ts'

export type Settlement = {
  /** Senders whose updates stay in, sorted. */
  readonly standing: readonly number[]
  /** Senders whose updates were shown false. */
  readonly leftOut: readonly number[]
  /** Those left out, whoever posted a scalar that an update which stands contradicts, and whoever accused one that stands. */
  readonly convicted: readonly number[]
}

/**
 * @param of.claims Of all updates of the round, in the order in which scalars were posted.
 * @param of.posted By member: a scalar for each claim, one after the other. Another length contradicts them all.
 *
 * Equal for everyone who has the same claims and posts. Throws `FheError('too-few-scalars')` when fewer than t members posted: then
 * nothing can be said.
 */
export function settleCheck(
  plan: Plan,
  of: {
    readonly claims: readonly UpdateClaim[]
    readonly posted: ReadonlyMap<number, Uint8Array>
    readonly disputes: readonly { readonly accuser: number; readonly accused: number }[]
  },
): Settlement {
  const { claims, posted, disputes } = of
  for (const member of posted.keys()) checkIndex(member, plan.members, 'posted')
  if (posted.size < plan.threshold) {
    throw new FheError(
      'too-few-scalars',
      `${posted.size} members posted, ${plan.threshold} are needed to tell a true polynomial from a false one`,
      { found: posted.size, needed: plan.threshold },
    )
  }
  const size = plan.bytes.checkScalar
  const most = Math.floor((posted.size - plan.threshold) / 2)
  const standing: number[] = []
  const leftOut: number[] = []
  const convicted = new Set<number>()
  for (const [at, claim] of claims.entries()) {
    const against = [...posted].flatMap(([member, scalars]) => {
      const said = scalars.length === size * claims.length ? scalars.subarray(size * at, size * (at + 1)) : null
      return said !== null && equalBytes(said, claimedScalar(plan, claim, member)) ? [] : [member]
    })
    if (against.length > most) {
      leftOut.push(claim.sender)
      convicted.add(claim.sender)
    } else {
      standing.push(claim.sender)
      for (const member of against) convicted.add(member)
    }
  }
  for (const { accuser, accused } of disputes) if (standing.includes(accused)) convicted.add(accuser)
  const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b)
  return { standing: sorted(standing), leftOut: sorted(leftOut), convicted: sorted(convicted) }
}
