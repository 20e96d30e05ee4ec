// SPDX-License-Identifier: GPL-3.0-or-later
// Checks a count that an endpoint reports. Counts set the length of lists and loops and the number of requests, so a false one could hang us.

/** No contract will ever have more of anything. */
const MOST = 1_000_000_000n

/** The count as a number. @param what Noun in the plural, for the error. @throws Error for an impossible count */
export function countOf(said: bigint, what: string): number {
  if (said >= 0n && said <= MOST) return Number(said)
  const text = String(said)
  throw new Error(
    `the endpoint says that there are ${text.length > 24 ? `${text.slice(0, 12)}…` : text} ${what}, which cannot be: use another endpoint`,
  )
}
