// SPDX-License-Identifier: GPL-3.0-or-later
// Computes what a ledger of private tables derives from its arguments alone, instead of asking an endpoint. A false context would choose the
// noise, and a false query would choose what is counted.
import { AbiCoder, keccak256 } from 'ethers'
import { contractInterface } from '../artifacts.ts'
import type { ReleaseQuery } from './terms.ts'

/** Bits of a context that number the slice. */
const SLICE_BITS = 4n

/** As PrivateTables.contextOf. @param slice 0 to 15 */
export function releaseContextOf(
  of: { readonly chainId: bigint; readonly ledger: string; readonly requestId: number; readonly beacon: string },
  slice: number,
): bigint {
  const types = ['uint256', 'address', 'uint256', 'bytes32']
  const hash = keccak256(AbiCoder.defaultAbiCoder().encode(types, [of.chainId, of.ledger, of.requestId, of.beacon]))
  return ((BigInt(hash) >> 16n) << SLICE_BITS) | BigInt(slice)
}

/** As ReleaseQueries.queryIdOf. */
export function releaseQueryIdOf(query: ReleaseQuery): string {
  const { inputs } = contractInterface('PrivateTables').getFunction('queryIdOf')!
  return keccak256(AbiCoder.defaultAbiCoder().encode(inputs, [query]))
}
