// SPDX-License-Identifier: GPL-3.0-or-later
import type { ContractTransactionReceipt, ContractTransactionResponse, Interface, Signer } from 'ethers'
import { decodeRevert } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { signerOn } from '../chain/wallet.ts'

/**
 * Sends one transaction from the visitor's wallet, and waits until it is mined.
 * @param abis of the contracts that may refuse it, to say why in their words
 * @returns what to tell the visitor
 * @throws WalletError; Error with the contract's reason
 */
export async function send(
  connection: Connection,
  what: string,
  abis: readonly Interface[],
  call: (signer: Signer) => Promise<ContractTransactionResponse>,
): Promise<string> {
  return `${what}: ${(await sendCall(connection, what, abis, call)).hash}`
}

/** The same for one whose receipt says more, such as the number of what it made. */
export async function sendCall(
  connection: Connection,
  what: string,
  abis: readonly Interface[],
  call: (signer: Signer) => Promise<ContractTransactionResponse>,
): Promise<ContractTransactionReceipt> {
  const signer = await signerOn(connection.site.deployment.chainId)
  try {
    const receipt = await (await call(await tried(connection, signer))).wait()
    await connection.look()
    return receipt!
  } catch (cause) {
    const reason = decodeRevert(cause, abis, what)
    throw reason === null ? cause : new Error(reason.message, { cause })
  }
}

/** The signer, but for that each transaction is tried at the page's own endpoint first: wallets keep a contract's reason to themselves. */
async function tried({ provider }: Connection, signer: Signer): Promise<Signer> {
  const from = await signer.getAddress()
  const sendTransaction: Signer['sendTransaction'] = async (transaction) => {
    await provider.call({ ...transaction, from })
    return await signer.sendTransaction(transaction)
  }
  return Object.create(signer, { sendTransaction: { value: sendTransaction } }) as Signer
}
