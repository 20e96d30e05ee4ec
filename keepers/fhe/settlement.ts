// SPDX-License-Identifier: GPL-3.0-or-later
// Decides a dispute about updates from the members' posts. All honest members post what fits a true H, so at most f members
// contradict it, where f < n/3 is the number of liars. A false H is another polynomial of degree below t: it is right at t − 1
// points at most, so at most t − 1 + f agree with it.
//
// Whether an update stays in is decided by the nearest polynomial: ⌊(m − t)/2⌋ errors in m posts can be corrected (Reed and Solomon). A
// member without an update counts like a member that contradicts it. Otherwise an update that was served to nobody in time, or only to t −
// 1 members of its sender's choice, would stand unchecked, because a round has only one dispute. A conviction needs posts that the two
// bounds exclude for an honest member. So where n is small, a few liars can cause one sum to leave an honest update out, but cannot cause
// its sender's conviction; and no honest member is convicted for contradicting a false update.
import { equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { checkIndex } from './members.ts'
import type { Plan } from './plan.ts'
import { claimedScalar, type UpdateClaim } from './update-claim.ts'

export type Settlement = {
  /** Senders of the updates that stay in, sorted. */
  readonly standing: readonly number[]
  /** Senders of updates that were shown false. */
  readonly leftOut: readonly number[]
  /** Those who cannot be honest while fewer than a third lie: sorted. */
  readonly convicted: readonly number[]
}

/** A scalar of all ones, which is not a residue: "I have no such update". Nobody is convicted on it. */
export function absentScalar(plan: Plan): Uint8Array {
  return new Uint8Array(plan.bytes.checkScalar).fill(0xff)
}

/**
 * @param of.claims Claims of all updates of the round, in the order of the posted scalars.
 * @param of.posted By member: a scalar for each claim, one after the other, or `absentScalar`. Another length contradicts them all.
 *
 * Equal for everyone who has the same claims and posts. Throws `FheError('too-few-scalars')` when fewer than t members posted: then
 * nothing can be concluded. A member that reports every update as missing counts as silent.
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
  const heard = [...posted].filter(([, scalars]) => scalars.some((byte) => byte !== 0xff))
  if (heard.length < plan.threshold) {
    throw new FheError(
      'too-few-scalars',
      `${heard.length} members posted, ${plan.threshold} are needed to distinguish a true polynomial from a false one`,
      { found: heard.length, needed: plan.threshold },
    )
  }
  const size = plan.bytes.checkScalar
  // Errors that posts of all of them correct.
  const most = Math.floor((heard.length - plan.threshold) / 2)
  const liars = Math.floor((plan.members - 1) / 3)
  const absent = absentScalar(plan)
  const standing: number[] = []
  const leftOut: number[] = []
  const convicted = new Set<number>()
  for (const [at, claim] of claims.entries()) {
    const against: number[] = []
    let agreeing = 0
    for (const [member, scalars] of heard) {
      const said = scalars.length === size * claims.length ? scalars.subarray(size * at, size * (at + 1)) : null
      if (said !== null && equalBytes(said, absent)) continue
      if (said !== null && equalBytes(said, claimedScalar(plan, claim, member))) agreeing++
      else against.push(member)
    }
    if (heard.length - agreeing > most) {
      leftOut.push(claim.sender)
      if (against.length > liars) convicted.add(claim.sender)
    } else {
      standing.push(claim.sender)
      if (agreeing < plan.threshold + liars) continue
      for (const member of against) convicted.add(member)
      for (const { accuser, accused } of disputes) if (accused === claim.sender) convicted.add(accuser)
    }
  }
  const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b)
  return { standing: sorted(standing), leftOut: sorted(leftOut), convicted: sorted(convicted) }
}
