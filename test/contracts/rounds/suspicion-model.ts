// SPDX-License-Identifier: GPL-3.0-or-later
// The rule of contracts/rounds/Suspicion.sol, played by itself: services of which one member spoils whatever it can.

import { randomFrom } from '../invariants/random.ts'

/** What it spoils: the sum whenever its update is in it (its weight alike), or the decryption whenever it is drafted. */
export type Spoiler = 'update' | 'share' | 'weight'

export function countOf(bits: bigint): number {
  return bits.toString(2).replaceAll('0', '').length
}

export type Course = {
  /** Rounds that came to a vote and failed there. */
  readonly lost: number
  readonly honest: number
  /** Over all honest members, the rounds in which they were left out. */
  readonly honestLeftOut: number
}

/** One epoch of that many rounds, at t = ⌊n/2⌋ + 1, in which every member but the spoiler is honest and punctual. */
export function rounds(options: { members: number; spoiler: Spoiler; rounds: number; seed: number }): Course {
  const { members: n, spoiler } = options
  const random = randomFrom(options.seed)
  const choose = (list: readonly number[], size: number): number[] => {
    const left = [...list]
    return Array.from({ length: size }, () => left.splice(Math.floor(random() * left.length), 1)[0]!)
  }
  const all = [...Array(n).keys()]
  const quorum = Math.floor((2 * n) / 3) + 1
  const threshold = Math.floor(n / 2) + 1
  const suspicion: number[] = Array(n).fill(0)
  let out: number[] = []
  let lost = 0
  let honestLeftOut = 0
  for (let round = 0; round < options.rounds; round++) {
    const inside = all.filter((seat) => !out.includes(seat))
    honestLeftOut += out.filter((seat) => seat !== 0).length
    const active = choose(inside, threshold)
    const spoiled = spoiler === 'share' ? active.includes(0) : inside.includes(0)
    // All who are inside reveal, so S ∪ A is everyone inside.
    if (spoiled) {
      lost++
      for (const seat of inside) suspicion[seat] = Math.min(3, suspicion[seat]! + 1)
      out = []
      for (let tier = 3; tier > 0 && out.length < n - quorum; tier--) {
        const found = all.filter((seat) => suspicion[seat] === tier)
        out.push(...choose(found, Math.min(found.length, n - quorum - out.length)))
      }
      continue
    }
    // Everyone inside has its update in the sum; who also decrypted it is cleared.
    for (const seat of active) suspicion[seat] = 0
    const least = Math.min(...out.map((seat) => suspicion[seat]!))
    if (least < 3) {
      const [back] = choose(
        out.filter((seat) => suspicion[seat] === least),
        1,
      )
      out = out.filter((seat) => seat !== back)
    }
  }
  return { lost, honest: n - 1, honestLeftOut }
}
