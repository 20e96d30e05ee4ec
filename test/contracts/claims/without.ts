// SPDX-License-Identifier: GPL-3.0-or-later
// A claim registry without one of its rules, for tests that show what the rule prevents.
import { type Change, compiled } from '../rounds/without.ts'
import type { createClaims } from './claims.ts'

/** Puts changed code in the place of this world's registry. @param changes of files below contracts/claims */
export async function changeClaims(
  { ethers, networkHelpers, claims, models, verifiers, treasury, dao }: Awaited<ReturnType<typeof createClaims>>,
  ...changes: Change[]
): Promise<void> {
  const placed = changes.map(({ file, ...rest }) => ({ file: `contracts/claims/${file}`, ...rest }))
  const { abi, bytecode } = compiled('contracts/claims/ClaimRegistry.sol', 'ClaimRegistry', null, placed)
  const changed = await new ethers.ContractFactory(abi, bytecode, dao).deploy(models, verifiers, treasury, dao)
  await networkHelpers.setCode(await claims.getAddress(), await ethers.provider.getCode(changed))
}
