// SPDX-License-Identifier: GPL-3.0-or-later
// A Safe 1.5.0 behind its proxy, from the bytecode that Safe publishes (LGPL-3.0, for tests only).

import multiSendArtifact from '@safe-global/safe-smart-account/build/artifacts/contracts/libraries/MultiSendCallOnly.sol/MultiSendCallOnly.json' with {
  type: 'json',
}
import proxyArtifact from '@safe-global/safe-smart-account/build/artifacts/contracts/proxies/SafeProxy.sol/SafeProxy.json' with {
  type: 'json',
}
import safeArtifact from '@safe-global/safe-smart-account/build/artifacts/contracts/Safe.sol/Safe.json' with {
  type: 'json',
}
import {
  AbiCoder,
  Contract,
  ContractFactory,
  concat,
  dataLength,
  Interface,
  type Signer,
  solidityPacked,
  type TransactionResponse,
  ZeroAddress,
} from 'ethers'

type Owner = Signer & { readonly address: string }
type Call = { to: string; value?: bigint; data?: string; operation?: number; gasPrice?: bigint }

const TYPES = {
  SafeTx: [
    { type: 'address', name: 'to' },
    { type: 'uint256', name: 'value' },
    { type: 'bytes', name: 'data' },
    { type: 'uint8', name: 'operation' },
    { type: 'uint256', name: 'safeTxGas' },
    { type: 'uint256', name: 'baseGas' },
    { type: 'uint256', name: 'gasPrice' },
    { type: 'address', name: 'gasToken' },
    { type: 'address', name: 'refundReceiver' },
    { type: 'uint256', name: 'nonce' },
  ],
}

/** A Safe whose transactions all of `owners` sign. */
export async function deploySafe(owners: readonly [Owner, ...Owner[]]) {
  const [payer] = owners
  const singleton = await new ContractFactory(safeArtifact.abi, safeArtifact.bytecode, payer).deploy()
  const factory = new ContractFactory(proxyArtifact.abi, proxyArtifact.bytecode, payer)
  const proxy = await factory.deploy(await singleton.getAddress())
  const address = await proxy.getAddress()
  const safe = new Contract(address, safeArtifact.abi, payer)
  const zero = ZeroAddress
  await safe.getFunction('setup')(
    owners.map((owner) => owner.address),
    owners.length,
    zero,
    '0x',
    zero,
    zero,
    0,
    zero,
  )
  const { chainId } = await payer.provider!.getNetwork()
  /** Who signs; whoever changes the owners changes this. */
  const signers = [...owners]
  const execute = async (call: Call): Promise<TransactionResponse> => {
    const { to, value = 0n, data = '0x', operation = 0, gasPrice = 0n } = call
    const nonce: bigint = await safe.getFunction('nonce')()
    const terms = { to, value, data, operation, safeTxGas: 0n, baseGas: 0n, gasPrice, gasToken: zero }
    const message = { ...terms, refundReceiver: zero, nonce }
    // A Safe wants its signatures in the order of the signers' addresses.
    const sorted = signers.toSorted((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1))
    const signatures = await Promise.all(
      sorted.map((owner) => owner.signTypedData({ chainId, verifyingContract: address }, TYPES, message)),
    )
    const args = [to, value, data, operation, 0, 0, gasPrice, zero, zero, concat(signatures)]
    return await safe.getFunction('execTransaction')(...args)
  }
  const owned = async (): Promise<string[]> => [...(await safe.getFunction('getOwners')())]
  /** What all owners sign so that the Safe's handler says yes to `hash` (EIP-1271). */
  const signMessage = async (hash: string): Promise<string> => {
    const sorted = signers.toSorted((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1))
    const message = { message: AbiCoder.defaultAbiCoder().encode(['bytes32'], [hash]) }
    const types = { SafeMessage: [{ type: 'bytes', name: 'message' }] }
    const domain = { chainId, verifyingContract: address }
    return concat(await Promise.all(sorted.map((owner) => owner.signTypedData(domain, types, message))))
  }
  return { address, interface: new Interface(safeArtifact.abi), signers, execute, owners: owned, signMessage }
}

export type DeployedSafe = Awaited<ReturnType<typeof deploySafe>>

/** Has the Safe announce a hash to the guard at `guard`. */
export async function announceFrom(safe: DeployedSafe, guard: string, abi: Interface, hash: string) {
  return await safe.execute({ to: guard, data: abi.encodeFunctionData('announce', [hash]) })
}

/** Safe's MultiSendCallOnly 1.5.0, through which wallets send batches. */
export async function deployMultiSend(payer: Owner): Promise<string> {
  const deployed = await new ContractFactory(multiSendArtifact.abi, multiSendArtifact.bytecode, payer).deploy()
  return await deployed.getAddress()
}

export type BatchCall = { to: string; value?: bigint; data?: string; operation?: number }

/** operation ‖ to ‖ value ‖ length ‖ data of each call. */
export function packCalls(calls: readonly BatchCall[]): string {
  const types = ['uint8', 'address', 'uint256', 'uint256', 'bytes']
  return concat(
    calls.map(({ to, value = 0n, data = '0x', operation = 0 }) =>
      solidityPacked(types, [operation, to, value, dataLength(data), data]),
    ),
  )
}

export const encodeMultiSendBytes = (list: string): string =>
  new Interface(multiSendArtifact.abi).encodeFunctionData('multiSend', [list])

export const encodeMultiSend = (calls: readonly BatchCall[]): string => encodeMultiSendBytes(packCalls(calls))
