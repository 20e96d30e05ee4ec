// SPDX-License-Identifier: GPL-3.0-or-later
// A Safe behind the guard: who owns it, whether it asks this guard, and transactions of one that a single owner may sign for. Source:
// Safe 1.5.0 (OwnerManager.sol, GuardManager.sol, Safe.sol), in the author's reading.
import {
  Contract,
  type ContractTransactionResponse,
  concat,
  getAddress,
  Interface,
  id,
  type Provider,
  type Signer,
  toBeHex,
  ZeroAddress,
  zeroPadValue,
} from 'ethers'

const SAFE = new Interface([
  'function getOwners() view returns (address[])',
  'function getThreshold() view returns (uint256)',
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool)',
])

/** Where a Safe keeps the address of its transaction guard. */
const GUARD_SLOT = id('guard_manager.guard.address')

export type SafeState = {
  readonly owners: readonly string[]
  /** Owners that must sign. */
  readonly threshold: number
  /** Whether this guard is asked before each transaction of its owners. */
  readonly guarded: boolean
}

/** The state of a Safe; null for an account that is none. */
export async function readSafe(provider: Provider, account: string, guard: string): Promise<SafeState | null> {
  const safe = new Contract(account, SAFE, provider)
  try {
    const [owners, threshold, slot] = await Promise.all([
      safe.getFunction('getOwners')(),
      safe.getFunction('getThreshold')(),
      provider.getStorage(account, GUARD_SLOT),
    ])
    const asked = getAddress(`0x${slot.slice(-40)}`)
    return { owners: [...owners], threshold: Number(threshold), guarded: asked === guard }
  } catch {
    return null
  }
}

/** A Safe's approval by the owner that sends the transaction: its address, nothing, and the kind 1. */
const approvalOf = (owner: string): string => concat([zeroPadValue(owner, 32), toBeHex(0, 32), '0x01'])

/** Has a Safe with a threshold of one make a call; its owner sends it. */
export async function executeSafe(
  safe: string,
  owner: Signer,
  { to, value, data }: { readonly to: string; readonly value: bigint; readonly data: string },
): Promise<ContractTransactionResponse> {
  const signatures = approvalOf(await owner.getAddress())
  return await new Contract(safe, SAFE, owner).getFunction('execTransaction')(
    ...[to, value, data, 0, 0, 0, 0, ZeroAddress, ZeroAddress, signatures],
  )
}
