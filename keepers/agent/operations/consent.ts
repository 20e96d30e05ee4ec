// SPDX-License-Identifier: GPL-3.0-or-later
import type { TypedDataField } from 'ethers'
import type { KeeperRegistry } from '../../../types/index.ts'
import type { OperatorSigner } from '../../chain/index.ts'

const TYPES: Record<string, TypedDataField[]> = {
  OperatorConsent: [
    { name: 'owner', type: 'address' },
    { name: 'operator', type: 'address' },
    { name: 'nonce', type: 'uint256' },
  ],
}

/**
 * The operator's signature that it acts for `owner`. Without this, anybody could register an operator key that is not theirs, and so keep its
 * holder out. The signature is valid for one chain, one registry and one use.
 */
export async function signConsent(operator: OperatorSigner, owner: string, registry: KeeperRegistry): Promise<string> {
  const provider = registry.runner?.provider
  if (!provider) throw new TypeError('the registry needs a provider')
  const { chainId } = await provider.getNetwork()
  const domain = {
    name: 'Cohort KeeperRegistry',
    version: '1',
    chainId,
    verifyingContract: await registry.getAddress(),
  }
  const nonce = await registry.consentNonce(operator.address)
  return await operator.signTypedData(domain, TYPES, { owner, operator: operator.address, nonce })
}
