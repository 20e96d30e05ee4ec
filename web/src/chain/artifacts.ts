// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for keepers/chain/artifacts.ts in the page, which has no disk: the ABIs come with the bundle.

import { abis } from 'virtual:abis'
import { Interface, type InterfaceAbi } from 'ethers'
import type { Artifact, ContractName } from '../../../keepers/chain/index.ts'

const interfaces = new Map<ContractName, Interface>()

export function contractInterface(name: ContractName): Interface {
  const known = interfaces.get(name) ?? new Interface(abis[name] as InterfaceAbi)
  interfaces.set(name, known)
  return known
}

/** The page deploys nothing, so it carries no creation code. */
export function contractArtifact(name: ContractName): Artifact {
  throw new Error(`the console has no creation code of ${name}: deploy with \`npx hardhat deploy\``)
}
