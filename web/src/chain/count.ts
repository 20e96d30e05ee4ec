// SPDX-License-Identifier: GPL-3.0-or-later
// How many of something a contract has, as an endpoint says it: numbers that lists are made of, and requests.

/** More of anything than people will have made here. */
const MOST = 1_000_000_000n

/** @param what there are so many of, for the error @throws Error for a number that no chain of ours has */
export function countOf(said: bigint, what: string): number {
  if (said >= 0n && said <= MOST) return Number(said)
  const text = String(said)
  throw new Error(
    `the endpoint says that there are ${text.length > 24 ? `${text.slice(0, 12)}…` : text} ${what}, which cannot be: use another endpoint`,
  )
}

/** Ids, which count from 1: of more than `most`, the first half of that and the newest. Whoever adds many hides none of the first. */
export function idsToRead(count: number, most: number): bigint[] {
  const length = Math.min(count, most)
  const first = length < count ? Math.floor(length / 2) : length
  return Array.from({ length }, (_, i) => BigInt(i < first ? i + 1 : count - length + i + 1))
}
