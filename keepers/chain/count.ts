// SPDX-License-Identifier: GPL-3.0-or-later
// How many of something a contract has, as an endpoint says it: numbers that lists are made of, loops, and requests.

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
