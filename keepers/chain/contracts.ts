// SPDX-License-Identifier: GPL-3.0-or-later
import { Contract, type ContractRunner, type Provider } from 'ethers'
import type { TypedContractEvent, TypedContractMethod } from '../../types/common.ts'
import type {
  AdoptedModel,
  ClaimRegistry,
  CohortGovernor,
  CohortToken,
  DataOffers,
  EnsembleOracle,
  Guardian,
  IdentityGate,
  ILearningService,
  ImprovementRewards,
  InferenceHub,
  InputMarket,
  ISortitionAdmission,
  KeeperRegistry,
  ModelRegistry,
  OutcomePool,
  OutcomePoolFactory,
  PredictionMarket,
  PrivateTables,
  ProverMarket,
  PseudoLabels,
  PublisherRegistry,
  ServiceEnsemble,
  ServiceFactory,
  ServiceTree,
  SpendingGuard,
  ValueLists,
  VerifierRegistry,
} from '../../types/index.ts'
import { type ContractName, contractInterface } from './artifacts.ts'
import { ChainError } from './errors.ts'

/** The contracts a keeper talks to, typed. */
export type ServiceContracts = {
  readonly service: ILearningService
  readonly registry: KeeperRegistry
  readonly models: ModelRegistry
}

/** The contract that draws a service's members among candidates. */
export type Sortition = ISortitionAdmission

function attach<T>(name: ContractName, address: string, runner: ContractRunner): T {
  return new Contract(address, contractInterface(name), runner) as unknown as T
}

/** A method of the service that a transaction calls. */
export type ServiceMethod = {
  [M in keyof ILearningService]: ILearningService[M] extends TypedContractMethod<infer _A, infer _R, 'nonpayable'>
    ? M
    : never
}[keyof ILearningService] &
  string

/** The arguments of such a method, by the contract's own ABI. */
export type ServiceArguments<M extends ServiceMethod> =
  ILearningService[M] extends TypedContractMethod<infer A, infer _R, infer _S> ? Readonly<A> : never

/** An event of the service. */
export type ServiceEvent = Exclude<keyof ILearningService['filters'], `${string}(${string}`> & string

/** The arguments of such an event, by the contract's own ABI. Integers of at most 48 bits come as numbers, see Facts. */
export type ServiceEventArguments<N extends ServiceEvent> =
  ILearningService['filters'][N] extends TypedContractEvent<infer _I, infer _T, infer Said>
    ? { readonly [Name in keyof Said]: Said[Name] extends bigint ? number | bigint : Said[Name] }
    : never

/** A typed client for reading; transactions go through the queue. */
export const clients = {
  service: (address: string, runner: ContractRunner) => attach<ILearningService>('ILearningService', address, runner),
  registry: (address: string, runner: ContractRunner) => attach<KeeperRegistry>('KeeperRegistry', address, runner),
  hub: (address: string, runner: ContractRunner) => attach<InferenceHub>('InferenceHub', address, runner),
  proverMarket: (address: string, runner: ContractRunner) => attach<ProverMarket>('ProverMarket', address, runner),
  ensembles: (address: string, runner: ContractRunner) => attach<EnsembleOracle>('EnsembleOracle', address, runner),
  guardian: (address: string, runner: ContractRunner) => attach<Guardian>('Guardian', address, runner),
  publishers: (address: string, runner: ContractRunner) =>
    attach<PublisherRegistry>('PublisherRegistry', address, runner),
  predictionMarket: (address: string, runner: ContractRunner) =>
    attach<PredictionMarket>('PredictionMarket', address, runner),
  inputMarket: (address: string, runner: ContractRunner) => attach<InputMarket>('InputMarket', address, runner),
  factory: (address: string, runner: ContractRunner) => attach<ServiceFactory>('ServiceFactory', address, runner),
  pools: (address: string, runner: ContractRunner) => attach<OutcomePoolFactory>('OutcomePoolFactory', address, runner),
  pool: (address: string, runner: ContractRunner) => attach<OutcomePool>('OutcomePool', address, runner),
  tree: (address: string, runner: ContractRunner) => attach<ServiceTree>('ServiceTree', address, runner),
  serviceEnsembles: (address: string, runner: ContractRunner) =>
    attach<ServiceEnsemble>('ServiceEnsemble', address, runner),
  pseudoLabels: (address: string, runner: ContractRunner) => attach<PseudoLabels>('PseudoLabels', address, runner),
  claims: (address: string, runner: ContractRunner) => attach<ClaimRegistry>('ClaimRegistry', address, runner),
  privateTables: (address: string, runner: ContractRunner) => attach<PrivateTables>('PrivateTables', address, runner),
  dataOffers: (address: string, runner: ContractRunner) => attach<DataOffers>('DataOffers', address, runner),
  improvementRewards: (address: string, runner: ContractRunner) =>
    attach<ImprovementRewards>('ImprovementRewards', address, runner),
  guard: (address: string, runner: ContractRunner) => attach<SpendingGuard>('SpendingGuard', address, runner),
  identityGate: (address: string, runner: ContractRunner) => attach<IdentityGate>('IdentityGate', address, runner),
  valueLists: (address: string, runner: ContractRunner) => attach<ValueLists>('ValueLists', address, runner),
  models: (address: string, runner: ContractRunner) => attach<ModelRegistry>('ModelRegistry', address, runner),
  verifiers: (address: string, runner: ContractRunner) => attach<VerifierRegistry>('VerifierRegistry', address, runner),
  adopted: (address: string, runner: ContractRunner) => attach<AdoptedModel>('AdoptedModel', address, runner),
  sortition: (address: string, runner: ContractRunner) => attach<Sortition>('ISortitionAdmission', address, runner),
  token: (address: string, runner: ContractRunner) => attach<CohortToken>('CohortToken', address, runner),
  governor: (address: string, runner: ContractRunner) => attach<CohortGovernor>('CohortGovernor', address, runner),
} as const

/**
 * Finds a service and the registries that it names, and checks them: each address has code, answers have the expected shape, and the keeper
 * registry knows the service.
 * @throws ChainError WRONG_CONTRACT.
 */
export async function openService(address: string, provider: Provider): Promise<ServiceContracts> {
  const wrong = (what: string, cause?: unknown): never => {
    throw new ChainError('WRONG_CONTRACT', `${address} ${what}: correct service.address`, { cause })
  }
  if ((await provider.getCode(address)) === '0x') wrong('has no code on this chain')
  const service = clients.service(address, provider)
  let registries: [string, string]
  try {
    const parts = await Promise.all([service.keeperRegistry(), service.modelRegistry(), service.clock()])
    registries = [parts[0], parts[1]]
  } catch (error) {
    if (error instanceof ChainError) throw error
    wrong('is not a learning service', error)
    throw error
  }
  const registry = clients.registry(registries[0], provider)
  const status = await registry
    .serviceStatus(address)
    .catch((error) => wrong('names a registry that is not one', error))
  if (status === 0n) wrong('is a service that its own keeper registry does not know')
  return { service, registry, models: clients.models(registries[1], provider) }
}
