// SPDX-License-Identifier: GPL-3.0-or-later
// Who holds which role when a deployment is complete. The handover grants the roles in this list, and the check compares the chain with it.
import { id, ZeroHash } from 'ethers'

export type AdminedContract =
  | 'CohortToken'
  | 'TimelockController'
  | 'ModelRegistry'
  | 'VerifierRegistry'
  | 'KeeperRegistry'
  | 'ServiceFactory'
  | 'PredictionMarket'
  | 'InputMarket'
  | 'DaoPilot'

export type RoleHolder = 'TimelockController' | 'CohortGovernor' | 'ServiceFactory' | 'Guardian'

export type RoleRule = {
  readonly contract: AdminedContract
  readonly role: string
  /** A final holder. This list names all holders of all roles. */
  readonly holder: RoleHolder
  /** Whether the deployer has the role from the constructor (or takes it during the deployment), and so must renounce it. */
  readonly deployer: boolean
  /** Whether the constructor grants the role to the holder, so that the handover need not. */
  readonly built?: boolean
}

export const ROLE_PLAN: readonly RoleRule[] = [
  { contract: 'CohortToken', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'CohortToken', role: 'MINTER_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'ModelRegistry', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'ModelRegistry', role: 'RELEASE_ROLE', holder: 'TimelockController', deployer: false },
  { contract: 'ModelRegistry', role: 'REGISTRAR_ROLE', holder: 'ServiceFactory', deployer: true },
  { contract: 'VerifierRegistry', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'VerifierRegistry', role: 'REGISTRAR_ROLE', holder: 'TimelockController', deployer: false },
  { contract: 'VerifierRegistry', role: 'GUARDIAN_ROLE', holder: 'Guardian', deployer: false },
  { contract: 'KeeperRegistry', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'KeeperRegistry', role: 'REGISTRAR_ROLE', holder: 'ServiceFactory', deployer: false },
  { contract: 'ServiceFactory', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'ServiceFactory', role: 'CREATOR_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'PredictionMarket', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'PredictionMarket', role: 'SETTLER_ROLE', holder: 'TimelockController', deployer: false },
  { contract: 'PredictionMarket', role: 'GUARDIAN_ROLE', holder: 'Guardian', deployer: false },
  { contract: 'InputMarket', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'InputMarket', role: 'SETTLER_ROLE', holder: 'TimelockController', deployer: false },
  { contract: 'InputMarket', role: 'GUARDIAN_ROLE', holder: 'Guardian', deployer: false },
  { contract: 'DaoPilot', role: 'DEFAULT_ADMIN_ROLE', holder: 'TimelockController', deployer: true },
  { contract: 'DaoPilot', role: 'MANDATE_ROLE', holder: 'TimelockController', deployer: false },
  { contract: 'TimelockController', role: 'PROPOSER_ROLE', holder: 'CohortGovernor', deployer: false },
  { contract: 'TimelockController', role: 'CANCELLER_ROLE', holder: 'CohortGovernor', deployer: false },
  { contract: 'TimelockController', role: 'CANCELLER_ROLE', holder: 'Guardian', deployer: false },
  { contract: 'TimelockController', role: 'EXECUTOR_ROLE', holder: 'CohortGovernor', deployer: false },
  {
    contract: 'TimelockController',
    role: 'DEFAULT_ADMIN_ROLE',
    holder: 'TimelockController',
    deployer: true,
    built: true,
  },
]

/** The role's id, as OpenZeppelin's AccessControl forms it. */
export function roleId(role: string): string {
  return role === 'DEFAULT_ADMIN_ROLE' ? ZeroHash : id(role)
}
