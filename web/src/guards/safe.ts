// SPDX-License-Identifier: GPL-3.0-or-later
// A Safe behind the guard: who owns it, whether it asks this guard, and its transactions, which owners approve on the chain. Source: Safe
// 1.5.0 (OwnerManager.sol, GuardManager.sol, Safe.sol), in the author's reading.
import {
  Contract,
  type ContractTransactionResponse,
  concat,
  getAddress,
  Interface,
  id,
  type Provider,
  type Signer,
  TypedDataEncoder,
  toBeHex,
  ZeroAddress,
  zeroPadValue,
} from 'ethers'

const SAFE = new Interface([
  'function getOwners() view returns (address[])',
  'function getThreshold() view returns (uint256)',
  'function nonce() view returns (uint256)',
  'function approvedHashes(address owner, bytes32 hash) view returns (uint256)',
  'function approveHash(bytes32 hash)',
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool)',
])

const TRANSACTION_TYPES = {
  SafeTx: [
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'data', type: 'bytes' },
    { name: 'operation', type: 'uint8' },
    { name: 'safeTxGas', type: 'uint256' },
    { name: 'baseGas', type: 'uint256' },
    { name: 'gasPrice', type: 'uint256' },
    { name: 'gasToken', type: 'address' },
    { name: 'refundReceiver', type: 'address' },
    { name: 'nonce', type: 'uint256' },
  ],
}
/** A plain call: no delegation to other code, and no refund of gas. */
const PLAIN = {
  operation: 0,
  safeTxGas: 0,
  baseGas: 0,
  gasPrice: 0,
  gasToken: ZeroAddress,
  refundReceiver: ZeroAddress,
}

/** Where a Safe keeps the address of its transaction guard. */
const GUARD_SLOT = id('guard_manager.guard.address')

export type SafeState = {
  readonly owners: readonly string[]
  /** Owners that must sign. */
  readonly threshold: number
  /** Whether this guard is asked before each transaction of its owners. */
  readonly guarded: boolean
  /** Number of its next transaction. */
  readonly nonce: bigint
}

/** A call of the Safe. */
export type SafeCall = { readonly to: string; readonly value: bigint; readonly data: string }

/** The state of a Safe; null for an account that is none. */
export async function readSafe(provider: Provider, account: string, guard: string): Promise<SafeState | null> {
  const safe = new Contract(account, SAFE, provider)
  try {
    const [owners, threshold, nonce, slot] = await Promise.all([
      safe.getFunction('getOwners')(),
      safe.getFunction('getThreshold')(),
      safe.getFunction('nonce')(),
      provider.getStorage(account, GUARD_SLOT),
    ])
    const asked = getAddress(`0x${slot.slice(-40)}`)
    return { owners: [...owners], threshold: Number(threshold), guarded: asked === guard, nonce }
  } catch {
    return null
  }
}

/** An owner's approval: its address, nothing, and the kind 1. The owner is whoever sends the transaction, or has approved its hash. */
const approvalOf = (owner: string): string => concat([zeroPadValue(owner, 32), toBeHex(0, 32), '0x01'])

/** What owners approve. Computed here: an endpoint could have them approve another transaction. */
export function safeHash(chainId: number, safe: string, call: SafeCall, nonce: bigint): string {
  return TypedDataEncoder.hash({ chainId, verifyingContract: safe }, TRANSACTION_TYPES, { ...PLAIN, ...call, nonce })
}

/** Those of the owners who have approved a transaction on the chain. */
export async function approversOf(
  provider: Provider,
  account: string,
  owners: readonly string[],
  hash: string,
): Promise<readonly string[]> {
  const approved = new Contract(account, SAFE, provider).getFunction('approvedHashes')
  const answers = await Promise.all(owners.map(async (owner) => (await approved(owner, hash)) !== 0n))
  return owners.filter((_, i) => answers[i])
}

/** Approves a transaction, as one of the owners. */
export async function approveSafe(safe: string, owner: Signer, hash: string): Promise<ContractTransactionResponse> {
  return await new Contract(safe, SAFE, owner).getFunction('approveHash')(hash)
}

/** Has a Safe make a call; one of its owners sends it. @param approvers the others who have approved it, as many as the threshold asks for */
export async function executeSafe(
  safe: string,
  owner: Signer,
  { to, value, data }: SafeCall,
  approvers: readonly string[] = [],
): Promise<ContractTransactionResponse> {
  const signers = [...new Set([...approvers, await owner.getAddress()])]
  // A Safe takes signatures in the order of the signers' addresses.
  signers.sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
  return await new Contract(safe, SAFE, owner).getFunction('execTransaction')(
    ...[to, value, data, 0, 0, 0, 0, ZeroAddress, ZeroAddress, concat(signers.map(approvalOf))],
  )
}
