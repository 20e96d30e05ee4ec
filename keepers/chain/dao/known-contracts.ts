// SPDX-License-Identifier: GPL-3.0-or-later
// Contracts with names: proposals show their calls in words, and users can type them by name.
import { contractInterface } from '../artifacts.ts'
import type { DeploymentFile } from '../deployment-file.ts'
import type { KnownContract } from './proposals.ts'

const KNOWN = [
  'CohortToken',
  'TimelockController',
  'CohortGovernor',
  'Guardian',
  'ModelRegistry',
  'VerifierRegistry',
  'AdoptedModel',
  'KeeperRegistry',
  'StakePoolFactory',
  'Successors',
  'ServiceFactory',
  'InferenceHub',
  'PublisherRegistry',
  'EnsembleOracle',
  'ProverMarket',
  'PredictionMarket',
  'InputMarket',
  'OutcomePoolFactory',
  'DaoPilot',
  'SpendingGuard',
  'AnnouncedSignatures',
  'HubValidator',
] as const

/** Those of the deployment, then its services. Throws ChainError NOT_BUILT. */
export function knownContracts({ contracts, services }: DeploymentFile): KnownContract[] {
  const service = contractInterface('ILearningService')
  return [
    ...KNOWN.map((name) => ({ name, address: contracts[name], abi: contractInterface(name) })),
    ...services.map(({ name, address }) => ({ name, address, abi: service })),
  ]
}
