// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import type { CallableContractFuture, Future } from '@nomicfoundation/ignition-core'
import { type AdminedContract, ROLE_PLAN, type RoleHolder, roleId } from '../roles.ts'
import { GovernanceModule } from './governance.ts'
import { InferenceModule } from './inference.ts'
import { RegistriesModule } from './registries.ts'
import { RoundsModule } from './rounds.ts'

export type CohortModuleOptions = {
  /** Create one learning service with this reward strategy, while the deployer may; null for none. */
  readonly service: 'equal' | 'samples' | null
}

/** The fields of ILearningServiceTypes.Parameters, but the strategy. */
export const SERVICE_FIELDS = [
  'registrationWindow',
  'keyWindow',
  'trainingWindow',
  'revealWindow',
  'aggregateWindow',
  'decryptWindow',
  'voteWindow',
  'minKeepers',
  'maxKeepers',
  'decryptionBps',
  'decryptionsPerEpoch',
  'maxStrikes',
  'bond',
  'rewardPerRound',
  'keyPenalty',
  'decryptPenalty',
] as const

/**
 * The whole system: every layer, then the first service, then the handover of every role to the timelock, and last the
 * deployer renounces its own. A module is a plan: Ignition resumes it where a broken run ended.
 */
export function cohortModule(options: CohortModuleOptions) {
  return buildModule('Cohort', (m) => {
    const deployer = m.getAccount(0)
    const { token, timelock, governor } = m.useModule(GovernanceModule)
    const { models, verifiers } = m.useModule(RegistriesModule)
    const { keepers, equal, bySamples, implementation, factory } = m.useModule(RoundsModule)
    const { hub } = m.useModule(InferenceModule)
    const contracts: Record<AdminedContract | RoleHolder, CallableContractFuture<string>> = {
      CohortToken: token,
      TimelockController: timelock,
      CohortGovernor: governor,
      ModelRegistry: models,
      VerifierRegistry: verifiers,
      KeeperRegistry: keepers,
      ServiceFactory: factory,
    }

    const granted: Future[] = []
    const grant = (contract: AdminedContract, role: string, to: RoleHolder | 'deployer') => {
      const holder = to === 'deployer' ? deployer : contracts[to]
      const call = m.call(contracts[contract], 'grantRole', [roleId(role), holder], {
        id: `grant_${contract}_${role}_${to}`,
      })
      granted.push(call)
      return call
    }
    for (const { contract, role, holder, built } of ROLE_PLAN) {
      if (built !== true) grant(contract, role, holder)
    }

    if (options.service !== null) {
      grant('ServiceFactory', 'CREATOR_ROLE', 'deployer')
      const fields = SERVICE_FIELDS.map((field) => [field, m.getParameter(field)] as const)
      const strategy = options.service === 'equal' ? equal : bySamples
      const create = m.call(
        factory,
        'createService',
        [m.getParameter('serviceName'), timelock, { ...Object.fromEntries(fields), strategy }],
        { id: 'createService', after: [...granted] },
      )
      granted.push(create)
    }

    for (const { contract, role, deployer: held } of ROLE_PLAN) {
      if (!held) continue
      m.call(contracts[contract], 'renounceRole', [roleId(role), deployer], {
        id: `renounce_${contract}_${role}`,
        after: granted,
      })
    }
    return { token, timelock, governor, models, verifiers, keepers, equal, bySamples, implementation, factory, hub }
  })
}
