// SPDX-License-Identifier: GPL-3.0-or-later
// The last step of a deployment: checks that the chain is as the plan says. Roles are replayed from the contracts' own events, so that
// unexpected holders are found, too.
import { Contract, getAddress, type Log, type Provider } from 'ethers'
import type { DeploymentFile } from '../keepers/chain/deployment-file.ts'
import { contentProblems } from './content.ts'
import { ROLE_PLAN, roleId } from './roles.ts'

const ACCESS_ABI = [
  'event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)',
  'event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)',
]
const WIRING_ABI = [
  'function timelock() view returns (address)',
  'function token() view returns (address)',
  'function STAKES() view returns (address)',
  'function POOLS() view returns (address)',
  'function REGISTRY() view returns (address)',
  'function getMinDelay() view returns (uint256)',
  'function MODELS() view returns (address)',
  'function VERIFIERS() view returns (address)',
  'function OWNER() view returns (address)',
  'function HUB() view returns (address)',
  'function PUBLISHERS() view returns (address)',
  'function MARKET() view returns (address)',
  'function isService(address) view returns (bool)',
  'function TIMELOCK() view returns (address)',
  'function TREASURY() view returns (address)',
  'function GUARD() view returns (address)',
]

/** Public RPC endpoints refuse longer ranges of logs. */
const LOG_RANGE = 5_000

/** The deployment is wrong. `problems` lists the reasons, one per line. */
export class DeploymentCheckError extends Error {
  override readonly name = 'DeploymentCheckError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the deployment is not safe to use:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

export type CheckOptions = {
  readonly provider: Provider
  readonly deployment: DeploymentFile
  /** The deployer. The problems name it if it still holds a role. */
  readonly deployer: string
  /** The required delay of the timelock, in seconds. */
  readonly timelockDelay: number
  /** Tokens that the deployment created, in units of 1e-18. */
  readonly minted: bigint
}

/** Checks code, roles, wiring and contents of the contracts. Throws DeploymentCheckError with everything that is wrong. */
export async function checkDeployment(options: CheckOptions): Promise<void> {
  const problems = [
    ...(await missingCode(options)),
    ...(await roleProblems(options)),
    ...(await wiringProblems(options)),
    ...(await contentProblems(options)),
  ]
  if (problems.length > 0) throw new DeploymentCheckError(problems)
}

async function missingCode({ provider, deployment }: CheckOptions): Promise<string[]> {
  const problems: string[] = []
  const all = [
    ...Object.entries(deployment.contracts),
    ...deployment.services.map(({ name, address }) => [`service '${name}'`, address] as const),
  ]
  for (const [name, address] of all) {
    if ((await provider.getCode(address)) === '0x') problems.push(`${name} at ${address} has no code`)
  }
  if (problems.length > 0) throw new DeploymentCheckError(problems)
  return problems
}

async function roleProblems(options: CheckOptions): Promise<string[]> {
  const { provider, deployment, deployer } = options
  const problems: string[] = []
  const named = new Map(Object.entries(deployment.contracts).map(([name, address]) => [address, name]))
  named.set(getAddress(deployer), 'the deployer')
  const who = (address: string) => `${named.get(address) ?? 'an unknown account'} (${address})`
  const contracts = [...new Set(ROLE_PLAN.map(({ contract }) => contract))]
  for (const contract of contracts) {
    const rules = ROLE_PLAN.filter((rule) => rule.contract === contract)
    const names = new Map(rules.map(({ role }) => [roleId(role), role]))
    const holders = await roleHolders(provider, deployment.contracts[contract], deployment.fromBlock)
    const wanted = new Set(rules.map(({ role, holder }) => `${roleId(role)} ${deployment.contracts[holder]}`))
    for (const entry of wanted) {
      const [role, holder] = entry.split(' ') as [string, string]
      if (!holders.has(entry)) problems.push(`${contract}: ${who(holder)} lacks ${names.get(role)}`)
    }
    for (const entry of holders) {
      const [role, holder] = entry.split(' ') as [string, string]
      if (!wanted.has(entry)) problems.push(`${contract}: ${who(holder)} holds ${names.get(role) ?? role}`)
    }
  }
  // A service has only one role, the admin's. It can ban members and set every parameter, so only the timelock may hold it.
  const admin = roleId('DEFAULT_ADMIN_ROLE')
  const alone = `${admin} ${deployment.contracts.TimelockController}`
  for (const { name, address } of deployment.services) {
    const holders = await roleHolders(provider, address, deployment.fromBlock)
    if (!holders.delete(alone)) {
      problems.push(`service '${name}': ${who(deployment.contracts.TimelockController)} lacks DEFAULT_ADMIN_ROLE`)
    }
    for (const entry of holders) {
      const [role, holder] = entry.split(' ') as [string, string]
      problems.push(`service '${name}': ${who(holder)} holds ${role === admin ? 'DEFAULT_ADMIN_ROLE' : role}`)
    }
  }
  return problems
}

/** Every pair of role and account that is granted now, as `role account`. */
async function roleHolders(provider: Provider, address: string, fromBlock: number): Promise<Set<string>> {
  const { interface: abi } = new Contract(address, ACCESS_ABI)
  const topics = [[abi.getEvent('RoleGranted')!.topicHash, abi.getEvent('RoleRevoked')!.topicHash]]
  const holders = new Set<string>()
  const latest = await provider.getBlockNumber()
  for (let from = fromBlock; from <= latest; from += LOG_RANGE) {
    const toBlock = Math.min(latest, from + LOG_RANGE - 1)
    const logs: readonly Log[] = await provider.getLogs({ address, topics, fromBlock: from, toBlock })
    for (const log of logs) {
      const event = abi.parseLog(log)
      if (event === null) continue
      const entry = `${event.args.role} ${event.args.account}`
      if (event.name === 'RoleGranted') holders.add(entry)
      else holders.delete(entry)
    }
  }
  return holders
}

async function wiringProblems({ provider, deployment, timelockDelay }: CheckOptions): Promise<string[]> {
  const { contracts, services } = deployment
  const problems: string[] = []
  const read = async (address: string, method: string, ...args: unknown[]): Promise<unknown> =>
    await new Contract(address, WIRING_ABI, provider).getFunction(method)(...args)
  const expect = (what: string, found: unknown, wanted: unknown) => {
    if (found !== wanted) problems.push(`${what} is ${String(found)}, not ${String(wanted)}`)
  }
  expect('the governor’s timelock', await read(contracts.CohortGovernor, 'timelock'), contracts.TimelockController)
  expect('the governor’s token', await read(contracts.CohortGovernor, 'token'), contracts.CohortToken)
  expect(
    'where the governor finds the votes of stake',
    await read(contracts.CohortGovernor, 'STAKES'),
    contracts.KeeperRegistry,
  )
  expect(
    'whose pools’ votes the governor counts',
    await read(contracts.CohortGovernor, 'POOLS'),
    contracts.StakePoolFactory,
  )
  expect('the stake pools’ registry', await read(contracts.StakePoolFactory, 'REGISTRY'), contracts.KeeperRegistry)
  expect('the successors’ timelock', await read(contracts.Successors, 'TIMELOCK'), contracts.TimelockController)
  expect('the timelock’s delay', await read(contracts.TimelockController, 'getMinDelay'), BigInt(timelockDelay))
  expect('the guardian’s timelock', await read(contracts.Guardian, 'TIMELOCK'), contracts.TimelockController)
  expect('the markets’ treasury', await read(contracts.PredictionMarket, 'TREASURY'), contracts.TimelockController)
  expect('the provers’ treasury', await read(contracts.ProverMarket, 'TREASURY'), contracts.TimelockController)
  expect('the validator’s hub', await read(contracts.HubValidator, 'HUB'), contracts.InferenceHub)
  expect('the signatures’ guard', await read(contracts.AnnouncedSignatures, 'GUARD'), contracts.SpendingGuard)
  expect('the hub’s model registry', await read(contracts.InferenceHub, 'MODELS'), contracts.ModelRegistry)
  expect('the hub’s verifier registry', await read(contracts.InferenceHub, 'VERIFIERS'), contracts.VerifierRegistry)
  expect('the adopted models’ owner', await read(contracts.AdoptedModel, 'OWNER'), contracts.TimelockController)
  expect(
    'the adopted models in the model registry',
    await read(contracts.ModelRegistry, 'isService', contracts.AdoptedModel),
    true,
  )
  expect('the ensembles’ hub', await read(contracts.EnsembleOracle, 'HUB'), contracts.InferenceHub)
  expect('the provers’ verifier registry', await read(contracts.ProverMarket, 'VERIFIERS'), contracts.VerifierRegistry)
  expect('the guard’s hub', await read(contracts.SpendingGuard, 'HUB'), contracts.InferenceHub)
  expect('the pilot’s hub', await read(contracts.DaoPilot, 'HUB'), contracts.InferenceHub)
  expect('the markets’ hub', await read(contracts.PredictionMarket, 'HUB'), contracts.InferenceHub)
  expect('the markets’ publishers', await read(contracts.PredictionMarket, 'PUBLISHERS'), contracts.PublisherRegistry)
  expect('the input markets’ hub', await read(contracts.InputMarket, 'HUB'), contracts.InferenceHub)
  expect('the input markets’ publishers', await read(contracts.InputMarket, 'PUBLISHERS'), contracts.PublisherRegistry)
  expect('the input markets’ treasury', await read(contracts.InputMarket, 'TREASURY'), contracts.TimelockController)
  expect('the pools’ market', await read(contracts.OutcomePoolFactory, 'MARKET'), contracts.PredictionMarket)
  for (const { name, address } of services) {
    expect(`service '${name}' in the model registry`, await read(contracts.ModelRegistry, 'isService', address), true)
  }
  return problems
}
