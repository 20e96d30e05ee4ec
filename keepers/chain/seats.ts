// SPDX-License-Identifier: GPL-3.0-or-later
// Sets of seats as 256-bit bitmaps, as contracts/rounds/Seats.sol keeps them.

/** The seats of the set bits, ascending. */
export function seatsOf(bitmap: bigint): number[] {
  const seats: number[] = []
  for (let seat = 0, rest = bitmap; rest !== 0n; seat++, rest >>= 1n) if (rest & 1n) seats.push(seat)
  return seats
}

export function bitmapOf(seats: Iterable<number>): bigint {
  let bitmap = 0n
  for (const seat of seats) bitmap |= 1n << BigInt(seat)
  return bitmap
}

export function hasSeat(bitmap: bigint, seat: number): boolean {
  return ((bitmap >> BigInt(seat)) & 1n) === 1n
}
