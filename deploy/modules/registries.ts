// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { GovernanceModule } from './governance.ts'

/** The registries of models, including those that the DAO takes over from outside, and of the verifiers of their circuits. */
export const RegistriesModule = buildModule('Registries', (m) => {
  const deployer = m.getAccount(0)
  const { timelock } = m.useModule(GovernanceModule)
  const models = m.contract('ModelRegistry', [deployer])
  const verifiers = m.contract('VerifierRegistry', [deployer])
  const adopted = m.contract('AdoptedModel', [timelock])
  return { models, verifiers, adopted }
})
