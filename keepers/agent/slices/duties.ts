// SPDX-License-Identifier: GPL-3.0-or-later
import { AbiCoder, keccak256 } from 'ethers'
import { SLICE_MEMBERS } from '../../fhe/index.ts'

/** Who does what for the sums of a round's slices. */
export type Duties = {
  /** By slice, the seats that add it up: three different ones, if there are as many. */
  readonly members: readonly (readonly number[])[]
  /** By seat, the seat with the update that it checks. */
  readonly checks: ReadonlyMap<number, number>
}

const coder = AbiCoder.defaultAbiCoder()

/**
 * Deals the duties out among seats. The result follows from the seed alone, so nobody knows it before the seed. Every seat adds up about as
 * much as every other, and checks one update of another seat.
 */
export function dutiesOf(seats: readonly number[], slices: number, seed: string): Duties {
  const lot = (seat: number): string => keccak256(coder.encode(['bytes32', 'uint8'], [seed, seat]))
  const lots = new Map(seats.map((seat) => [seat, lot(seat)]))
  const order = [...lots.keys()].sort((a, b) => (lots.get(a)! < lots.get(b)! ? -1 : 1))
  const each = Math.min(SLICE_MEMBERS, order.length)
  const at = (place: number): number => order[place % order.length]!
  return {
    members: Array.from({ length: slices }, (_, slice) =>
      Array.from({ length: each }, (_, place) => at(each * slice + place)),
    ),
    checks: new Map(order.length < 2 ? [] : order.map((seat, place) => [seat, at(place + 1)])),
  }
}
