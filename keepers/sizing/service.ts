// SPDX-License-Identifier: GPL-3.0-or-later
// The round machine of one simulated service, by docs/round-machine.md but without stakes: who has done what, and when a state ends.

import { drawnFrom } from '../agent/index.ts'
import { bitmapOf, seatsOf } from '../chain/index.ts'
import type { Windows } from './presets.ts'
import { Condition, type World } from './world.ts'

export const PHASES = ['training', 'reveal', 'aggregate', 'decrypt', 'vote'] as const
export type Phase = (typeof PHASES)[number]

/** Where the time of a state went, for the member that ended it. */
export const COMPONENTS = ['chain', 'network', 'processor', 'training', 'waiting'] as const
export type Component = (typeof COMPONENTS)[number]
export type Spent = Record<Component, number>
export const nothingSpent = (): Spent => ({ chain: 0, network: 0, processor: 0, training: 0, waiting: 0 })

/** A state that is over. */
export type Ended = {
  readonly round: number
  readonly phase: Phase
  readonly seconds: number
  /** Null when its window ended it. */
  readonly by: number | null
  readonly lost: boolean
}

export type RoundSeats = {
  readonly committed: Set<number>
  /** By seat, how many versions its update is behind; only of those that are. */
  readonly behind: Map<number, number>
  readonly revealed: Set<number>
  /** By seat, the sum that it attested. */
  readonly attested: Map<number, string>
  drafted: ReadonlySet<number>
  readonly shared: Set<number>
  readonly voted: Set<number>
}

const nobody = (): RoundSeats => ({
  committed: new Set(),
  behind: new Map(),
  revealed: new Set(),
  attested: new Map(),
  drafted: new Set(),
  shared: new Set(),
  voted: new Set(),
})

export class Service {
  readonly #world: World
  readonly #windows: Windows
  readonly #onEnd: (ended: Ended) => void
  readonly members: number
  readonly threshold: number
  readonly quorum: number
  /** The number of updates with which Training ends, and how many versions one may be behind; null if Training waits for all. */
  readonly buffer: { readonly size: number; readonly maxStaleness: number } | null
  readonly changed = new Condition()
  phase: Phase = 'training'
  round = 1
  since = 0
  seats = nobody()
  /** The time of the last attestation, and of the draft. */
  attestedAt = 0
  draftedAt = 0
  isOver = false
  /** Completed rounds, with the seats that decrypted. */
  readonly completed = new Map<number, ReadonlySet<number>>()
  readonly #rounds: number
  /** Seats that Training does not wait for, because they revealed nothing in the last completed round. */
  #away: ReadonlySet<number> = new Set()
  readonly #undraftable = new Set<number>()

  constructor(
    world: World,
    of: {
      readonly members: number
      readonly threshold: number
      readonly windows: Windows
      readonly rounds: number
      readonly buffer: Service['buffer']
    },
    onEnd: (ended: Ended) => void,
  ) {
    this.#world = world
    this.members = of.members
    this.threshold = of.threshold
    this.quorum = Math.floor((2 * of.members) / 3) + 1
    this.buffer = of.buffer
    this.#windows = of.windows
    this.#rounds = of.rounds
    this.#onEnd = onEnd
    this.#begin('training')
  }

  /** Number of completed rounds. */
  get versions(): number {
    return this.completed.size
  }
  /** Whether that state of that round is over. */
  isPast(round: number, phase: Phase): boolean {
    return (
      this.isOver || this.round > round || (this.round === round && PHASES.indexOf(this.phase) > PHASES.indexOf(phase))
    )
  }
  isIn(round: number, phase: Phase): boolean {
    return !this.isOver && this.round === round && this.phase === phase
  }
  /** Fraction of the state's window that has passed. */
  elapsed(part = 0): number {
    return (this.#world.now - this.since) / this.#windows[this.phase] + part
  }
  /** When this fraction of the state's window has passed. */
  timeOf(part: number): number {
    return this.since + part * this.#windows[this.phase]
  }

  // Each is what a transaction does in its block. @returns whether it ended the state.
  /** @param base Version that the update started from. */
  commit(round: number, seat: number, base: number): boolean {
    const behind = this.versions - base
    if (!this.isIn(round, 'training') || behind > (this.buffer?.maxStaleness ?? 0)) return false
    const { committed } = this.seats
    committed.add(seat)
    if (behind > 0) this.seats.behind.set(seat, behind)
    if (this.buffer !== null && committed.size >= Math.max(this.buffer.size, this.quorum))
      return this.#end(seat, 'reveal')
    const waited = Array.from({ length: this.members }, (_, i) => i).filter((i) => !this.#away.has(i))
    if (committed.size < this.quorum || !waited.every((i) => committed.has(i))) return this.#hear()
    return this.#end(seat, 'reveal')
  }
  reveal(round: number, seat: number): boolean {
    if (!this.isIn(round, 'reveal')) return false
    const { committed, revealed } = this.seats
    revealed.add(seat)
    return revealed.size < committed.size ? this.#hear() : this.#end(seat, 'aggregate')
  }
  attest(round: number, seat: number, sum: string): boolean {
    if (!this.isIn(round, 'aggregate')) return false
    this.seats.attested.set(seat, sum)
    this.attestedAt = this.#world.now
    return this.#hear()
  }
  /** The seats that attested the most frequent sum. */
  get matching(): number[] {
    const { attested } = this.seats
    const bySum = new Map<string, number[]>()
    for (const [seat, sum] of attested) bySum.set(sum, [...(bySum.get(sum) ?? []), seat])
    return [...bySum.values()].sort((a, b) => b.length - a.length)[0] ?? []
  }
  /** The matching seats that may decrypt. */
  get draftable(): number[] {
    const { revealed } = this.seats
    return this.matching.filter((seat) => revealed.has(seat) && !this.#undraftable.has(seat))
  }
  draft(round: number, seat: number, seed: string): boolean {
    const { draftable } = this
    if (!this.isIn(round, 'aggregate') || this.matching.length < this.quorum || draftable.length < this.threshold) {
      return false
    }
    this.seats.drafted = new Set(seatsOf(drawnFrom(bitmapOf(draftable), this.threshold, seed)))
    this.draftedAt = this.#world.now
    return this.#end(seat, 'decrypt')
  }
  share(round: number, seat: number): boolean {
    if (!this.isIn(round, 'decrypt')) return false
    const { shared, drafted } = this.seats
    shared.add(seat)
    return shared.size < drafted.size ? this.#hear() : this.#end(seat, 'vote')
  }
  vote(round: number, seat: number): boolean {
    if (!this.isIn(round, 'vote')) return false
    this.seats.voted.add(seat)
    return this.seats.voted.size < this.quorum ? this.#hear() : this.#end(seat, null)
  }

  #hear(): false {
    this.changed.change()
    return false
  }

  #end(by: number | null, next: Phase | null, lost = false): boolean {
    const { round, phase, since } = this
    this.#onEnd({ round, phase, seconds: this.#world.now - since, by, lost })
    if (next === null) {
      const { revealed, drafted } = this.seats
      if (!lost) this.completed.set(round, drafted)
      const all = Array.from({ length: this.members }, (_, seat) => seat)
      this.#away = lost ? new Set() : new Set(all.filter((seat) => !revealed.has(seat)))
      this.round++
      this.seats = nobody()
      if (this.round > this.#rounds) this.isOver = true
    }
    if (!this.isOver) this.#begin(next ?? 'training')
    this.changed.change()
    return true
  }

  #begin(phase: Phase): void {
    this.phase = phase
    this.since = this.#world.now
    const { round } = this
    this.#world.at(this.since + this.#windows[phase], () => {
      if (this.isIn(round, phase)) this.#deadline()
    })
  }

  #deadline(): void {
    const { committed, revealed, drafted, shared } = this.seats
    if (this.phase === 'training' && committed.size >= this.quorum) this.#end(null, 'reveal')
    else if (this.phase === 'training') {
      // The epoch ends, and those that are still there may begin another.
      this.isOver = true
      this.#end(null, null, true)
    } else if (this.phase === 'reveal' && revealed.size >= this.quorum) this.#end(null, 'aggregate')
    else {
      if (this.phase === 'decrypt') for (const seat of drafted) if (!shared.has(seat)) this.#undraftable.add(seat)
      this.#end(null, null, true)
    }
  }
}
