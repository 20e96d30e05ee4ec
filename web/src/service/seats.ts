// SPDX-License-Identifier: GPL-3.0-or-later

/** How many seats a bitmap has. */
export function countSeats(seats: bigint): number {
  let count = 0
  for (let left = seats; left > 0n; left &= left - 1n) count++
  return count
}
