// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import type { CallableContractFuture, Future } from '@nomicfoundation/ignition-core'
import { type AdminedContract, ROLE_PLAN, type RoleHolder, roleId } from '../roles.ts'
import { ConsumersModule } from './consumers.ts'
import { GovernanceModule } from './governance.ts'
import { InferenceModule } from './inference.ts'
import { RegistriesModule } from './registries.ts'
import { RoundsModule } from './rounds.ts'

/** The learning service that the deployer creates while it still may. */
export type FirstService = {
  /** How rewards are split: the contracts EqualRewards and SampleRewards. */
  readonly strategy: 'equal' | 'samples'
  /** Whether its reward pool starts with tokens. */
  readonly pool: boolean
  /** Whether its members are drawn among candidates. */
  readonly drawn: boolean
}

/** The fields of ILearningServiceTypes.Parameters, except the strategy. */
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
  'oneEpochSeats',
  'buffer',
  'maxStaleness',
  'bond',
  'rewardPerRound',
  'keyPenalty',
  'decryptPenalty',
  'fraudPenalty',
  'admission',
  'partySeats',
  'manifest',
] as const

/**
 * The whole system: every layer, then the first service, then the handover of every role; at last the deployer renounces its own roles. A module
 * is a plan, which Ignition resumes where an interrupted run ended.
 */
export function cohortModule(service: FirstService | null) {
  return buildModule('Cohort', (m) => {
    const deployer = m.getAccount(0)
    const { token, timelock, keepers, stakePools, governor, guardian, successors } = m.useModule(GovernanceModule)
    const { models, verifiers, adopted } = m.useModule(RegistriesModule)
    const { equal, bySamples, implementation, factory } = m.useModule(RoundsModule)
    const { hub, publishers, ensembles, provers } = m.useModule(InferenceModule)
    const { markets, inputMarkets, pools, pilot, guard, signatures, validator } = m.useModule(ConsumersModule)
    const contracts: Record<AdminedContract | RoleHolder, CallableContractFuture<string>> = {
      CohortToken: token,
      TimelockController: timelock,
      CohortGovernor: governor,
      Guardian: guardian,
      ModelRegistry: models,
      VerifierRegistry: verifiers,
      KeeperRegistry: keepers,
      ServiceFactory: factory,
      PredictionMarket: markets,
      InputMarket: inputMarkets,
      DaoPilot: pilot,
    }

    // The deployer's last acts with its roles, before it renounces them.
    const before: Future[] = []
    const grant = (contract: AdminedContract, role: string, to: RoleHolder | 'deployer') => {
      const holder = to === 'deployer' ? deployer : contracts[to]
      const call = m.call(contracts[contract], 'grantRole', [roleId(role), holder], {
        id: `grant_${contract}_${role}_${to}`,
      })
      before.push(call)
      return call
    }
    for (const { contract, role, holder, built } of ROLE_PLAN) {
      if (built !== true) grant(contract, role, holder)
    }

    const registrar = grant('ModelRegistry', 'REGISTRAR_ROLE', 'deployer')
    before.push(m.call(models, 'registerService', [adopted], { id: 'registerAdopted', after: [registrar] }))

    if (service !== null) {
      grant('ServiceFactory', 'CREATOR_ROLE', 'deployer')
      const fields = SERVICE_FIELDS.map((field) => [field, m.getParameter(field)] as const)
      const strategy = service.strategy === 'equal' ? equal : bySamples
      const terms: Record<string, unknown> = { ...Object.fromEntries(fields), strategy }
      if (service.drawn) {
        // For the factory's first service, whose parameters will name this draw.
        const sortition = m.contract('SortitionAdmission', [factory, 0, keepers, m.getParameter('sortition')])
        const allowed = grant('KeeperRegistry', 'REGISTRAR_ROLE', 'deployer')
        const known = m.call(keepers, 'registerService', [sortition], { id: 'registerSortition', after: [allowed] })
        before.push(
          m.call(keepers, 'renounceRole', [roleId('REGISTRAR_ROLE'), deployer], {
            id: 'renounce_registrar_of_sortition',
            after: [known],
          }),
        )
        Object.assign(terms, { admission: sortition, partySeats: 1 })
      }
      const create = m.call(
        factory,
        'createService',
        [m.getParameter('serviceName'), timelock, terms as Record<string, string>],
        { id: 'createService', after: [...before] },
      )
      before.push(create)
      if (service.pool) {
        const pool = m.getParameter('rewardPool')
        const mint = m.call(token, 'mint', [deployer, pool], { id: 'mintPool' })
        const approve = m.call(token, 'approve', [keepers, pool], { id: 'approvePool', after: [mint] })
        const address = m.readEventArgument(create, 'ServiceCreated', 'service')
        before.push(m.call(keepers, 'fund', [address, pool], { id: 'fundPool', after: [approve] }))
      }
    }

    for (const { contract, role, deployer: held } of ROLE_PLAN) {
      if (!held) continue
      m.call(contracts[contract], 'renounceRole', [roleId(role), deployer], {
        id: `renounce_${contract}_${role}`,
        after: before,
      })
    }
    return {
      ...{ token, timelock, governor, models, verifiers, adopted, keepers, equal, bySamples, implementation, factory },
      ...{ stakePools, successors, inputMarkets },
      ...{ guardian, hub, publishers, ensembles, provers, markets, pools, pilot, guard, signatures, validator },
    }
  })
}
