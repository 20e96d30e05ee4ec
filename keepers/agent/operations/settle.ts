// SPDX-License-Identifier: GPL-3.0-or-later
import type { ContractTransactionReceipt, ContractTransactionResponse } from 'ethers'
import { contractInterface, decodeRevert } from '../../chain/index.ts'

/** Sends a transaction and waits for its receipt. @throws RevertError with the contract's own error when it is refused */
export async function settle(
  what: string,
  sending: Promise<ContractTransactionResponse>,
): Promise<ContractTransactionReceipt> {
  const interfaces = [
    contractInterface('KeeperRegistry'),
    contractInterface('ILearningService'),
    contractInterface('CohortToken'),
    contractInterface('ISortitionAdmission'),
  ]
  try {
    const receipt = await (await sending).wait()
    if (receipt === null) throw new Error(`${what}: no receipt`)
    return receipt
  } catch (error) {
    throw decodeRevert(error, interfaces, what) ?? error
  }
}
