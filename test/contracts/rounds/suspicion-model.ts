// SPDX-License-Identifier: GPL-3.0-or-later
// The rule of contracts/rounds/Suspicion.sol, played by itself: services with one member that spoils all it can.

import { randomFrom } from '../invariants/random.ts'

/** Its targets: the sum whenever its update is in it (its weight alike), or the decryption whenever it is drafted. */
export type Spoiler = 'update' | 'share' | 'weight'

export function countOf(bits: bigint): number {
  return bits.toString(2).replaceAll('0', '').length
}

export type Course = {
  /** Rounds that came to a vote and failed there. */
  readonly lost: number
  readonly honest: number
  /** Rounds in which honest members were left out, summed over these members. */
  readonly honestLeftOut: number
}

/** An epoch of punctual members at t = ⌊n/2⌋ + 1: who takes part in a round, and who is left out after it. */
export class Suspects {
  readonly #random: () => number
  readonly #all: readonly number[]
  readonly #quorum: number
  readonly #threshold: number
  readonly #suspicion: number[]
  #active: readonly number[] = []
  #out: number[] = []

  constructor(members: number, seed: number) {
    this.#random = randomFrom(seed)
    this.#all = [...Array(members).keys()]
    this.#quorum = Math.floor((2 * members) / 3) + 1
    this.#threshold = Math.floor(members / 2) + 1
    this.#suspicion = Array(members).fill(0)
  }

  get leftOut(): readonly number[] {
    return this.#out
  }

  /** The next round: all who are inside reveal, so S ∪ A is everyone inside, and the active set is drawn among them. */
  next(): { readonly inside: readonly number[]; readonly active: readonly number[] } {
    const inside = this.#all.filter((seat) => !this.#out.includes(seat))
    this.#active = this.#choose(inside, this.#threshold)
    return { inside, active: this.#active }
  }

  /** The round was lost at its vote. */
  lost(): void {
    const suspicion = this.#suspicion
    for (const seat of this.#all.filter((seat) => !this.#out.includes(seat))) {
      suspicion[seat] = Math.min(3, suspicion[seat]! + 1)
    }
    const most = this.#all.length - this.#quorum
    this.#out = []
    for (let tier = 3; tier > 0 && this.#out.length < most; tier--) {
      const found = this.#all.filter((seat) => suspicion[seat] === tier)
      this.#out.push(...this.#choose(found, Math.min(found.length, most - this.#out.length)))
    }
  }

  /** The round was completed: everyone inside has its update in the sum; who also decrypted it is cleared. */
  completed(): void {
    const suspicion = this.#suspicion
    for (const seat of this.#active) suspicion[seat] = 0
    const least = Math.min(...this.#out.map((seat) => suspicion[seat]!))
    if (least >= 3) return
    const [back] = this.#choose(
      this.#out.filter((seat) => suspicion[seat] === least),
      1,
    )
    this.#out = this.#out.filter((seat) => seat !== back)
  }

  #choose(list: readonly number[], size: number): number[] {
    const left = [...list]
    return Array.from({ length: size }, () => left.splice(Math.floor(this.#random() * left.length), 1)[0]!)
  }
}

/** One epoch of that many rounds; every member but the spoiler is honest. */
export function rounds(options: { members: number; spoiler: Spoiler; rounds: number; seed: number }): Course {
  const suspects = new Suspects(options.members, options.seed)
  let lost = 0
  let honestLeftOut = 0
  for (let round = 0; round < options.rounds; round++) {
    honestLeftOut += suspects.leftOut.filter((seat) => seat !== 0).length
    const { inside, active } = suspects.next()
    if ((options.spoiler === 'share' ? active : inside).includes(0)) {
      lost++
      suspects.lost()
    } else suspects.completed()
  }
  return { lost, honest: options.members - 1, honestLeftOut }
}
