// SPDX-License-Identifier: GPL-3.0-or-later
import { countOf } from '../../../keepers/chain/index.ts'

/** Ids, which count from 1: of more than `most`, the first half of that and the newest. Whoever adds many hides none of the first. */
export function idsToRead(count: number, most: number): bigint[] {
  const length = Math.min(count, most)
  const first = length < count ? Math.floor(length / 2) : length
  return Array.from({ length }, (_, i) => BigInt(i < first ? i + 1 : count - length + i + 1))
}

/** Which part of a list: so many, leaving out the newest `skip`. */
export type PageTerms = { readonly count: number; readonly skip: number }

/** A part of a list, the newest first, and how many there are in all. */
export type PageOf<T> = { readonly count: number; readonly rows: readonly T[] }

/**
 * A page of what a contract numbers from 1.
 * @param said how many there are, as the endpoint says @param what there are so many of, for the error
 * @throws Error for a number that no chain of ours has; what `read` throws
 */
export async function readPage<T>(
  said: bigint,
  what: string,
  { count: most, skip }: PageTerms,
  read: (id: bigint) => Promise<T>,
): Promise<PageOf<T>> {
  const count = countOf(said, what)
  const ids = Array.from({ length: most }, (_, i) => BigInt(count - skip - i)).filter((id) => id > 0n)
  return { count, rows: await Promise.all(ids.map(read)) }
}
