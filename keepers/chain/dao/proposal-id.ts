// SPDX-License-Identifier: GPL-3.0-or-later
// A proposal's number is the hash of its calls and description. So voters can check what an endpoint shows of a proposal against the number.
import { AbiCoder, keccak256 } from 'ethers'
import { DaoError } from './errors.ts'

/** As the governor stores them (GovernorStorage.proposalDetails). */
export type ProposalDetails = readonly [
  targets: readonly string[],
  values: readonly bigint[],
  calls: readonly string[],
  descriptionHash: string,
]

/** OpenZeppelin's Governor.hashProposal. */
export function proposalIdOf(details: ProposalDetails): bigint {
  const types = ['address[]', 'uint256[]', 'bytes[]', 'bytes32']
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(types, details)))
}

/** @throws DaoError unknown-proposal when an endpoint gives other calls than those of the proposal */
export function requireProposal(id: bigint, details: ProposalDetails): void {
  if (proposalIdOf(details) === id) return
  throw new DaoError(
    'unknown-proposal',
    `the endpoint gives calls for proposal ${id} that are not its own: do not vote by them, use another endpoint`,
  )
}
