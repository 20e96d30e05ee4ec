// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { GovernanceModule } from './governance.ts'
import { RegistriesModule } from './registries.ts'

/**
 * Proven inferences, publishers of signed content, ensembles of models, and the market for proving. None of them has an
 * administrator: the registries decide what may be asked. The prover market's slashed bonds go to the timelock.
 */
export const InferenceModule = buildModule('Inference', (m) => {
  const { timelock } = m.useModule(GovernanceModule)
  const { models, verifiers } = m.useModule(RegistriesModule)
  const hub = m.contract('InferenceHub', [models, verifiers])
  const publishers = m.contract('PublisherRegistry')
  const ensembles = m.contract('EnsembleOracle', [hub])
  const provers = m.contract('ProverMarket', [
    verifiers,
    timelock,
    m.getParameter('proverBond'),
    m.getParameter('proverUnbonding'),
    m.getParameter('proverSettling'),
  ])
  return { hub, publishers, ensembles, provers }
})
