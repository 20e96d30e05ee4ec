// SPDX-License-Identifier: GPL-3.0-or-later
// What a run did to the service, from the chain's events and from the models that the keepers report to have adopted.
import type { Line, ServiceEvent } from '../cluster.ts'

export type Findings = {
  readonly completed: number
  /** Rounds that ended without a version. */
  readonly lost: readonly number[]
  /** Seats that lost stake, and why. */
  readonly penalties: readonly { readonly seat: number; readonly reason: string; readonly taken: string }[]
  /** Where honest keepers contradicted each other. */
  readonly disagreements: readonly string[]
  /** Number of sums that keepers added up together, and of sums that they tried to add up together and then added up alone. */
  readonly slices: { readonly together: number; readonly alone: number }
  /** Where honest keepers ignored honest ones because of sums that these reported. */
  readonly ignored: readonly string[]
  /** Members that the service went on without. */
  readonly dropped: number
}

/** @param events of the service, in order @param lines of all keepers */
export function findingsOf(events: readonly ServiceEvent[], lines: readonly Line[]): Findings {
  const roundsOf = (name: string): number[] =>
    events.filter((event) => event.name === name).map(({ args }) => Number(args.round))
  const complete = new Set(roundsOf('UpdateCompleted'))
  const last = Math.max(0, ...complete, ...roundsOf('UpdateIncomplete'))
  // An epoch whose key is used up ends with a round in which nobody may commit. That is no lost round.
  const begun = new Set(roundsOf('UpdateCommitted'))
  const lost = [...begun].filter((round) => round <= last && !complete.has(round)).sort((a, b) => a - b)
  const penalties = events
    .filter(({ name }) => name === 'Penalised')
    .map(({ args }) => ({ seat: Number(args.seat), reason: textOf(args.reason), taken: String(args.taken) }))
  const dropped = events.filter(({ name }) => name === 'Dropped' || name === 'StruckOut').length
  const count = (event: string): number => lines.filter((line) => line.event === event).length
  const ignored = lines
    .filter((line) => line.event === 'notes ignored')
    .map(({ node, round, seats }) => `round ${round}: ${node} ignores the notes of seats ${seats}`)
  const slices = { together: count('slices'), alone: count('slices disagree') }
  const disagreements = disagreementsOf(events, lines)
  return { completed: complete.size, lost, penalties, dropped, disagreements, slices, ignored }
}

function disagreementsOf(events: readonly ServiceEvent[], lines: readonly Line[]): string[] {
  const found = events.flatMap(({ name, args }) => {
    if (name === 'UpdateDisputed')
      return [`round ${args.round}: seat ${args.seat} disputes an update of ${args.accused}`]
    if (name === 'KeyComplaint') return [`epoch ${args.epoch}: seat ${args.seat} complains of ${args.accused}`]
    if (name === 'MembersDrafted' && args.convicted !== 0n) return [`round ${args.round}: convicted ${args.convicted}`]
    return []
  })
  const voted = new Map<string, Set<string>>()
  for (const { name, args } of events) {
    if (name !== 'ModelVoted') continue
    const place = `round ${args.round}, candidate ${args.candidate}`
    voted.set(place, (voted.get(place) ?? new Set()).add(String(args.modelCommitment)))
  }
  const accepted = new Map<string, Set<string>>()
  for (const line of lines) {
    if (line.event !== 'model accepted') continue
    const place = `round ${line.round}`
    accepted.set(place, (accepted.get(place) ?? new Set()).add(String(line.cid)))
  }
  for (const [place, models] of voted) if (models.size > 1) found.push(`${place}: votes for ${models.size} models`)
  for (const [place, models] of accepted) if (models.size > 1) found.push(`${place}: ${models.size} accepted models`)
  return found
}

/** A reason is ASCII in 32 bytes. */
const textOf = (reason: unknown): string => Buffer.from(String(reason).slice(2), 'hex').toString().replaceAll('\0', '')
