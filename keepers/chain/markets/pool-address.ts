// SPDX-License-Identifier: GPL-3.0-or-later
// A trader approves tokens for a pool, and it is an endpoint that names the pool. So an address is used only if the factory can have made it.
import { getAddress, getCreateAddress } from 'ethers'
import { MarketError } from './errors.ts'

/** Most pools that a factory may have made. Its nonce counts them from 1 (EIP-161), because it makes nothing else. */
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
