// SPDX-License-Identifier: GPL-3.0-or-later
// A deployment of a registry of verifiers and nothing else, for products that bring their own contracts.
import { ContractFactory, type JsonRpcSigner } from 'ethers'
import { clients, contractArtifact } from '../../keepers/chain/index.ts'

/** Deploys the registry, with the signer as its registrar. @returns its address */
export async function deployRegistry(admin: JsonRpcSigner): Promise<string> {
  const { abi, bytecode } = contractArtifact('VerifierRegistry')
  const registry = await new ContractFactory(abi as string[], bytecode, admin).deploy(admin.address)
  await registry.waitForDeployment()
  const address = await registry.getAddress()
  const verifiers = clients.verifiers(address, admin)
  await (await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), admin.address)).wait()
  return address
}

/** The text of a deployment file: the registry, and the administrator's address for contracts that nobody asks. */
export function registryOnly(registry: string, admin: string, chainId: bigint): string {
  const names = [
    ...['CohortToken', 'TimelockController', 'CohortGovernor', 'Guardian', 'Successors', 'KeeperRegistry'],
    ...['ModelRegistry', 'AdoptedModel', 'StakePoolFactory', 'EqualRewards', 'SampleRewards', 'LearningService'],
    ...['ServiceFactory', 'InferenceHub', 'PublisherRegistry', 'EnsembleOracle', 'ProverMarket', 'PredictionMarket'],
    ...['InputMarket', 'DaoPilot', 'OutcomePoolFactory', 'SpendingGuard', 'AnnouncedSignatures', 'HubValidator'],
  ]
  const contracts = { ...Object.fromEntries(names.map((name) => [name, admin])), VerifierRegistry: registry }
  return JSON.stringify({ network: 'localhost', chainId: Number(chainId), fromBlock: 0, contracts, services: [] })
}
