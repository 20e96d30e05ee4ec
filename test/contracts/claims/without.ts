// SPDX-License-Identifier: GPL-3.0-or-later
// A claim registry without one of its rules, for tests that show what the rule prevents.
import { type Change, compiled, deployedCode } from '../rounds/without.ts'
import type { createClaims } from './claims.ts'

/** Puts changed code in the place of this world's registry. @param changes of files below contracts/claims */
export async function changeClaims(
  world: Awaited<ReturnType<typeof createClaims>>,
  ...changes: Change[]
): Promise<void> {
  const { networkHelpers, claims, models, verifiers, treasury, dao } = world
  const placed = changes.map(({ file, ...rest }) => ({ file: `contracts/claims/${file}`, ...rest }))
  const changed = compiled('contracts/claims/ClaimRegistry.sol', 'ClaimRegistry', null, placed)
  await networkHelpers.setCode(
    await claims.getAddress(),
    await deployedCode(world, changed, models, verifiers, treasury, dao),
  )
}
