// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { Interface } from 'ethers'
import { ChainError } from './errors.ts'

/** Where each contract's source lives under contracts/. */
const SOURCES = {
  CohortToken: 'governance',
  CohortGovernor: 'governance',
  TimelockController: 'governance',
  Guardian: 'governance',
  KeeperRegistry: 'registry',
  ModelRegistry: 'registry',
  VerifierRegistry: 'registry',
  AdoptedModel: 'registry',
  StakePoolFactory: 'registry',
  Successors: 'registry',
  ClaimRegistry: 'claims',
  PrivateTables: 'privacy',
  ServiceTree: 'nested',
  ServiceEnsemble: 'nested',
  PseudoLabels: 'nested',
  ImprovementRewards: 'market',
  DataOffers: 'market',
  IdentityGate: 'identity',
  ValueLists: 'identity',
  ServiceFactory: 'rounds',
  ILearningService: 'interfaces',
  ISortitionAdmission: 'interfaces',
  InferenceHub: 'inference',
  EnsembleOracle: 'inference',
  ProverMarket: 'inference',
  PublisherRegistry: 'inference',
  PredictionMarket: 'consumers',
  InputMarket: 'consumers',
  OutcomePool: 'consumers',
  OutcomePoolFactory: 'consumers',
  DaoPilot: 'consumers',
  SpendingGuard: 'consumers',
  AnnouncedSignatures: 'consumers',
  HubValidator: 'consumers',
} as const

/** Packages of the contracts that are not this project's. */
const ROOTS: Partial<Record<keyof typeof SOURCES, string>> = { TimelockController: '@openzeppelin/contracts' }

export type ContractName = keyof typeof SOURCES

export type Artifact = { readonly abi: unknown[]; readonly bytecode: string }

const artifactFile = (name: ContractName) =>
  `artifacts/${ROOTS[name] ?? 'contracts'}/${SOURCES[name]}/${name}.sol/${name}.json`

/** Every file that the functions below read, relative to the root: an installation needs them. */
export function artifactFiles(): string[] {
  return (Object.keys(SOURCES) as ContractName[]).map(artifactFile)
}

const loaded = new Map<ContractName, { artifact: Artifact; interface: Interface }>()

function load(name: ContractName): { artifact: Artifact; interface: Interface } {
  const known = loaded.get(name)
  if (known) return known
  const url = new URL(`../../${artifactFile(name)}`, import.meta.url)
  let artifact: Artifact
  try {
    artifact = JSON.parse(readFileSync(url, 'utf8')) as Artifact
  } catch (cause) {
    throw new ChainError('NOT_BUILT', `the contract ${name} is not compiled: run \`npm run build\``, { cause })
  }
  const entry = { artifact, interface: new Interface(artifact.abi as string[]) }
  loaded.set(name, entry)
  return entry
}

/** ABI and creation code as the build left them. @throws ChainError NOT_BUILT. */
export function contractArtifact(name: ContractName): Artifact {
  return load(name).artifact
}

/** @throws ChainError NOT_BUILT. */
export function contractInterface(name: ContractName): Interface {
  return load(name).interface
}
