// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { GovernanceModule } from './governance.ts'
import { InferenceModule } from './inference.ts'
import { RegistriesModule } from './registries.ts'

/** Contracts that act on proofs: markets that stories resolve, and their pools; a guard for accounts; an executor for the DAO. */
export const ConsumersModule = buildModule('Consumers', (m) => {
  const deployer = m.getAccount(0)
  const { timelock } = m.useModule(GovernanceModule)
  const { models } = m.useModule(RegistriesModule)
  const { hub, publishers } = m.useModule(InferenceModule)
  const markets = m.contract('PredictionMarket', [
    hub,
    models,
    publishers,
    m.getParameter('disputeDelay'),
    m.getParameter('fallbackDelay'),
    timelock,
    deployer,
  ])
  const inputMarkets = m.contract('InputMarket', [
    hub,
    models,
    publishers,
    m.getParameter('disputeDelay'),
    m.getParameter('fallbackDelay'),
    timelock,
    deployer,
  ])
  const pools = m.contract('OutcomePoolFactory', [markets])
  const pilot = m.contract('DaoPilot', [hub, publishers, deployer])
  const guard = m.contract('SpendingGuard', [hub])
  const signatures = m.contract('AnnouncedSignatures', [guard])
  const validator = m.contract('HubValidator', [hub])
  return { markets, inputMarkets, pools, pilot, guard, signatures, validator }
})
