// SPDX-License-Identifier: GPL-3.0-or-later
// Whoever trades gives a pool rights over tokens. Which one it is an endpoint says, so it is taken only if the factory can have made it.
import { getAddress, getCreateAddress } from 'ethers'
import { MarketError } from './errors.ts'

/** Pools that a factory may have made; contracts count from 1 what they make (EIP-161), and a factory makes nothing else. */
const MOST_POOLS = 20_000

/** @throws MarketError no-pool for an address that is none of the factory's */
export function requireMadeBy(factory: string, pool: string, most = MOST_POOLS): void {
  const wanted = getAddress(pool)
  for (let nonce = 1; nonce <= most; nonce++) if (getCreateAddress({ from: factory, nonce }) === wanted) return
  throw new MarketError(
    'no-pool',
    `the endpoint names ${wanted} as the pool, which is none of the first ${most} of the factory ${factory}: nothing was approved; use another endpoint`,
  )
}
