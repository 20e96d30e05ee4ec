// SPDX-License-Identifier: GPL-3.0-or-later

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import type { Result } from 'ethers'

type Eight<T> = [T, T, T, T, T, T, T, T, ...T[]]

/** The funded accounts of a simulated chain, of which there are at least eight. */
export async function accountsOf(ethers: {
  getSigners(): Promise<HardhatEthersSigner[]>
}): Promise<Eight<HardhatEthersSigner>> {
  const signers = await ethers.getSigners()
  if (signers.length < 8) throw new Error(`the chain has ${signers.length} accounts, the tests need 8`)
  return signers as Eight<HardhatEthersSigner>
}

/** A struct that a contract returned, as a plain object (TypeChain's types hide that ethers gives a Result). */
export function fieldsOf(struct: object): Record<string, unknown> {
  return (struct as Result).toObject()
}
