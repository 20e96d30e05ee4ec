// SPDX-License-Identifier: GPL-3.0-or-later
// Finds recent logs, or logs of about a known time, without reading all blocks since the deployment. On an endpoint that gives ten blocks at a
// time, that would take days.
import type { Filter, Log, Provider } from 'ethers'

type Reader = Pick<Provider, 'getBlock' | 'getBlockNumber' | 'getLogs'>

/** Blocks of the first look backwards; each further one is twice as wide. */
const FIRST_LOOK = 2_000

/**
 * The last block that is not later than `time`, by bisection with some twenty requests.
 * @param time Unix seconds
 * @param from a block that is not later, such as the deployment's; returned when all above it are
 */
export async function blockAt(provider: Reader, time: number, from: number): Promise<number> {
  let [before, after] = [from, (await provider.getBlockNumber()) + 1]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    const block = await provider.getBlock(middle)
    // A block that the endpoint lacks is above all that it has.
    if (block !== null && block.timestamp <= time) before = middle
    else after = middle
  }
  return before
}

/** The newest matching log in `from` … `to`, both included, or null: looks from the end, in ever wider steps. */
export async function newestLog(
  provider: Reader,
  filter: Pick<Filter, 'address' | 'topics'>,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Log | null> {
  let width = FIRST_LOOK
  for (let end = to; end >= from; width *= 2) {
    const start = Math.max(from, end - width + 1)
    const found = (await provider.getLogs({ ...filter, fromBlock: start, toBlock: end })).at(-1)
    if (found !== undefined) return found
    end = start - 1
  }
  return null
}
