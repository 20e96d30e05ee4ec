// SPDX-License-Identifier: GPL-3.0-or-later

/** Seats of a service. */
const SEATS = 256

/**
 * The same items in the order of seats, beginning after `self` and wrapping around. When a state begins, all members ask all others, eight at a time.
 * With one order for all, everybody would ask the same few members, and each two would dial each other at the same moment, with two handshakes where
 * one would do.
 * @param self This keeper's seat; null leaves the order as it is.
 */
export function fromOwnPlace<T extends { readonly seat: number }>(all: readonly T[], self: number | null): T[] {
  if (self === null) return [...all]
  const distance = ({ seat }: T): number => (seat - self - 1 + SEATS) % SEATS
  return [...all].sort((a, b) => distance(a) - distance(b))
}
