// SPDX-License-Identifier: GPL-3.0-or-later

/** Ids, which count from 1: of more than `most`, the first half of that and the newest. Whoever adds many hides none of the first. */
export function idsToRead(count: number, most: number): bigint[] {
  const length = Math.min(count, most)
  const first = length < count ? Math.floor(length / 2) : length
  return Array.from({ length }, (_, i) => BigInt(i < first ? i + 1 : count - length + i + 1))
}
