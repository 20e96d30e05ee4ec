// SPDX-License-Identifier: GPL-3.0-or-later
// Sums by slices (docs/adr/0010-slices.md), as keepers/agent/slices adds them up: what each member fetches, tells and waits for.
import { dutiesOf, ROUND_TIMES } from '../agent/index.ts'
import type { Costs } from './costs.ts'
import type { Messages } from './messages.ts'
import type { Network } from './network.ts'
import { all, Condition, type Process, type World } from './world.ts'

/** A member's note: its author, and whether its sums are right. */
type Note = { readonly seat: number; readonly isTrue: boolean }

/** Messages of a round that members add up together, and the notes written so far. */
export type Attempt = {
  readonly message: 'update' | 'share'
  readonly sources: readonly number[]
  readonly slices: readonly (readonly number[])[]
  /** By seat, the seat with the update that it checks; empty for shares. */
  readonly checks: ReadonlyMap<number, number>
  readonly notes: Map<number, Note>
  /** By seat, whether it has written its note. */
  readonly told: ReadonlyMap<number, Condition>
}

export function attemptOf(of: {
  readonly message: Attempt['message']
  readonly sources: readonly number[]
  readonly helpers: readonly number[]
  readonly slices: number
  readonly seed: string
}): Attempt {
  const { members, checks } = dutiesOf(of.helpers, of.slices, of.seed)
  const { message, sources } = of
  return {
    ...{ message, sources, slices: members, notes: new Map() },
    told: new Map(of.helpers.map((seat) => [seat, new Condition()])),
    checks: message === 'update' ? checks : new Map(),
  }
}

/** What a member remembers of others within an epoch. */
export type Trust = { readonly ignored: Set<number>; readonly silences: Map<number, number> }

/** A member, as far as it adds up with others. */
type Helper = {
  readonly world: World
  readonly network: Network
  readonly messages: Messages
  readonly costs: Costs
  readonly seat: number
  readonly trust: Trust
  readonly isLiar: boolean
  isReachable(seat: number): boolean
  work(seconds: number): Process
  checkUpdate(seat: number): Process
  fetchPart(from: number, bytes: number): Process
}

/** Adds up together with the others. @returns whether there is a sum; without one the member adds up everything itself. */
export function* addUpBySlices(member: Helper, attempt: Attempt, patience: number): Process<boolean> {
  const { world, seat, trust } = member
  const { ignored } = trust
  const begun = world.now
  const times = { own: begun + patience / 2, notes: begun + patience, sums: begun + (4 / 3) * patience }
  // Members without a slice are asked as well, because a note also says what its author lacks.
  const others = [...attempt.told.keys()].filter((other) => other !== seat && !ignored.has(other)).sort((a, b) => a - b)
  const mine = attempt.slices.flatMap((seats, slice) => (seats.includes(seat) ? [slice] : []))
  const checked = new Set<number>([seat])
  const isWhole = yield* ownPart(member, attempt, mine, checked, times.own)
  if (isWhole && attempt.told.has(seat)) {
    attempt.notes.set(seat, { seat, isTrue: !member.isLiar || mine.length === 0 })
    attempt.told.get(seat)!.change()
  }
  if (!isWhole || attempt.slices.some((seats) => seats.filter((other) => !ignored.has(other)).length < 2)) {
    // Others hear of it late, if at all.
    return false
  }
  const heard = yield* hear(member, attempt, others, times.notes)
  const doubted = [...attempt.checks]
    .filter(([checker, subject]) => checker !== seat && !heard.has(checker) && !checked.has(subject))
    .map(([, subject]) => subject)
  if (doubted.length > attempt.sources.length / 3) return false
  yield* all(
    doubted.map((subject) => () => member.checkUpdate(subject)),
    ROUND_TIMES.atOnce,
  )
  for (const [slice, seats] of attempt.slices.entries()) {
    const told = seats
      .filter((other) => other !== seat && heard.has(other) && !ignored.has(other))
      .map((other) => heard.get(other)!)
    const isMine = mine.includes(slice)
    const answers = told.map(({ isTrue }) => isTrue)
    const agrees = answers.every((answer) => answer === (isMine ? true : answers[0]))
    if (agrees && (isMine || told.length >= 2)) continue
    // Whoever adds up everything by itself sees who told what is not so, and does not hear them any more.
    for (const note of heard.values()) if (!note.isTrue && note.seat !== seat) ignored.add(note.seat)
    return false
  }
  const wanted = [...attempt.slices.keys()].filter((slice) => !mine.includes(slice))
  yield* all(
    wanted.map((slice) => () => {
      const makers = attempt.slices[slice]!.filter((other) => heard.has(other))
      return member.fetchPart(makers[seat % makers.length]!, member.messages.slices[slice]!.sum)
    }),
    ROUND_TIMES.atOnce,
  )
  return world.now <= times.sums
}

/** The member's own slices of all messages, and the update that it checks. @returns whether they were here in time. */
function* ownPart(
  member: Helper,
  attempt: Attempt,
  mine: readonly number[],
  checked: Set<number>,
  until: number,
): Process<boolean> {
  const { world, seat, messages, costs } = member
  const subject = attempt.checks.get(seat)
  const sources = attempt.sources.filter((source) => source !== seat)
  // The update that a keeper checks comes whole, so it need not fetch parts of it.
  const asked = sources.filter((source) => source !== subject || messages.update.asked === null)
  if (sources.some((source) => !member.isReachable(source))) {
    // A missing part is requested again until then.
    yield* world.until(until)
    return false
  }
  const addUp = (slice: number) =>
    function* (): Process {
      const part = messages.slices[slice]!
      yield* all(
        asked.map((source) => () => member.fetchPart(source, part[attempt.message])),
        ROUND_TIMES.atOnce,
      )
      yield* member.work((sources.length + 1) * costs.add.each * part.carried)
    }
  const check = function* (): Process {
    if (subject === undefined) return
    yield* member.checkUpdate(subject)
    checked.add(subject)
  }
  yield* all([...mine.map(addUp), check])
  return world.now <= until
}

/** Asks others for their notes. */
function* hear(
  member: Helper,
  attempt: Attempt,
  others: readonly number[],
  until: number,
): Process<ReadonlyMap<number, Note>> {
  const { world, trust, network, messages, seat } = member
  const { notes, told } = attempt
  const heard = new Map<number, Note>()
  const own = notes.get(seat)
  if (own !== undefined) heard.set(seat, own)
  const isSilent = (other: number): boolean => (trust.silences.get(other) ?? 0) >= ROUND_TIMES.silences
  const ask = (other: number, end: number) =>
    function* (): Process {
      if (!member.isReachable(other)) return void (yield* world.until(end))
      yield* network.connect(seat, other)
      const came = yield* told.get(other)!.wait(world, () => notes.has(other), end)
      if (!came) return
      const sums = attempt.slices.filter((seats) => seats.includes(other)).length
      yield* member.fetchPart(other, messages.note(sums))
      if (world.now <= end) heard.set(other, notes.get(other)!)
    }
  const waited = others.filter((other) => !isSilent(other))
  yield* all(waited.map((other) => ask(other, until)))
  const grace = Math.min(until, world.now + ROUND_TIMES.grace)
  yield* all(others.filter(isSilent).map((other) => ask(other, grace)))
  for (const other of others) {
    trust.silences.set(other, heard.has(other) ? 0 : (trust.silences.get(other) ?? 0) + 1)
  }
  return heard
}
