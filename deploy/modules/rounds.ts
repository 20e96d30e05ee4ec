// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { GovernanceModule } from './governance.ts'
import { RegistriesModule } from './registries.ts'

/** Reward strategies, and the factory of learning services. */
export const RoundsModule = buildModule('Rounds', (m) => {
  const deployer = m.getAccount(0)
  const { keepers } = m.useModule(GovernanceModule)
  const { models } = m.useModule(RegistriesModule)
  const equal = m.contract('EqualRewards')
  const bySamples = m.contract('SampleRewards', [m.getParameter('sampleCap')])
  // Three parts of one service. Only the last is called; its code contains the addresses of the others.
  const clock = m.contract('ServiceClock', [keepers, models])
  const registration = m.contract('ServiceRegistration', [keepers, models, clock])
  const implementation = m.contract('LearningService', [keepers, models, registration])
  const factory = m.contract('ServiceFactory', [implementation, deployer])
  return { equal, bySamples, implementation, factory }
})
