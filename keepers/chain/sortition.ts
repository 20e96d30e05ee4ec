// SPDX-License-Identifier: GPL-3.0-or-later
import { Contract, type Provider } from 'ethers'
import { contractInterface } from './artifacts.ts'
import { clients, type Sortition } from './contracts.ts'

const ERC165 = ['function supportsInterface(bytes4) view returns (bool)']

/** ERC-165 identifier of ISortitionAdmission, from its own functions without inherited ones. */
function sortitionId(): string {
  let bits = 0n
  contractInterface('ISortitionAdmission').forEachFunction(({ name, selector }) => {
    if (name !== 'admit') bits ^= BigInt(selector)
  })
  return `0x${bits.toString(16).padStart(8, '0')}`
}

/** The admission contract at this address if it draws members (ISortitionAdmission); null for any other, which need not know ERC-165. */
export async function sortitionAt(admission: string, provider: Provider): Promise<Sortition | null> {
  const contract = new Contract(admission, ERC165, provider)
  try {
    if ((await contract.getFunction('supportsInterface')(sortitionId())) !== true) return null
  } catch (error) {
    // Only the contract's refusal counts: a silent endpoint says nothing about the contract.
    const { code } = error as { code?: unknown }
    if (code !== 'CALL_EXCEPTION' && code !== 'BAD_DATA') throw error
    return null
  }
  return clients.sortition(admission, provider)
}
