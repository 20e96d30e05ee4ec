// SPDX-License-Identifier: GPL-3.0-or-later
import { type DeploymentFile, parseDeployment } from '../../../keepers/chain/index.ts'

const NAMES =
  'CohortToken TimelockController CohortGovernor Guardian Successors ModelRegistry VerifierRegistry AdoptedModel KeeperRegistry ' +
  'StakePoolFactory EqualRewards SampleRewards LearningService ServiceFactory InferenceHub PublisherRegistry EnsembleOracle ' +
  'ProverMarket PredictionMarket InputMarket OutcomePoolFactory DaoPilot SpendingGuard AnnouncedSignatures HubValidator'

/** A deployment file of a chain on which nothing is deployed. */
export function deploymentOf(chainId: number): DeploymentFile {
  const contracts = Object.fromEntries(
    NAMES.split(' ').map((name, index) => [name, `0x${(index + 1).toString(16).padStart(40, '0')}`]),
  )
  return parseDeployment({ network: 'nowhere', chainId, fromBlock: 0, contracts, services: [] })
}
