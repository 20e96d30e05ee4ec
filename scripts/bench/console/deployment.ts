// SPDX-License-Identifier: GPL-3.0-or-later

const CONTRACTS = [
  ...[
    'CohortToken',
    'TimelockController',
    'CohortGovernor',
    'Guardian',
    'Successors',
    'ModelRegistry',
    'VerifierRegistry',
  ],
  ...['AdoptedModel', 'KeeperRegistry', 'StakePoolFactory', 'EqualRewards', 'SampleRewards', 'LearningService'],
  ...['ServiceFactory', 'InferenceHub', 'PublisherRegistry', 'EnsembleOracle', 'ProverMarket', 'PredictionMarket'],
  ...['InputMarket', 'OutcomePoolFactory', 'DaoPilot', 'SpendingGuard', 'AnnouncedSignatures', 'HubValidator'],
]

/** A deployment file of a chain that is made up, with an address of its own for each contract. */
export function madeDeployment(name = 'Digits') {
  const address = (i: number): string => `0x${(i + 1).toString(16).padStart(40, '0')}`
  return {
    ...{ network: 'localhost', chainId: 31337, fromBlock: 3 },
    contracts: Object.fromEntries(CONTRACTS.map((contract, i) => [contract, address(i)])),
    services: [{ name, address: address(100) }],
  }
}
