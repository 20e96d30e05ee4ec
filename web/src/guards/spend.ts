// SPDX-License-Identifier: GPL-3.0-or-later
// The name that the guard has for a transaction of an account. Computed here: nobody can see from a hash what it announces, and an endpoint
// that names another one's would have the account announce what its owner never saw.
import { AbiCoder, id, keccak256 } from 'ethers'

/** SpendingVerdicts.SPEND_DOMAIN. */
const DOMAIN = id('cohort.spending-guard.spend.v1')
const TYPES = ['bytes32', 'uint256', 'address', 'address', 'address', 'uint256', 'bytes32', 'uint8', 'uint8']

/** A plain call by the account's owners, without data: a payment in coins. */
export type Payment = {
  readonly to: string
  /** Wei. */
  readonly value: bigint
}

/** SpendingGuard.spendHashOf. */
export function spendHashOf(
  { chainId, guard }: { readonly chainId: number; readonly guard: string },
  account: string,
  { to, value }: Payment,
): string {
  const [operation, origin] = [0, 0]
  const values = [DOMAIN, chainId, guard, account, to, value, keccak256('0x'), operation, origin]
  return keccak256(AbiCoder.defaultAbiCoder().encode(TYPES, values))
}
