// SPDX-License-Identifier: GPL-3.0-or-later
// Checks the contents of a complete deployment's contracts for anything outside the plan that the deployer added while it held the roles.
import { Contract, type EventLog, type Provider, toBeHex } from 'ethers'
import type { DeploymentFile } from '../keepers/chain/deployment-file.ts'

const CONTENT_ABI = [
  'function serviceCount() view returns (uint256)',
  'function serviceAt(uint256) view returns (address)',
  'function circuitCount() view returns (uint256)',
  'function totalSupply() view returns (uint256)',
  'function isOperationDone(bytes32) view returns (bool)',
  'function hashOperationBatch(address[],uint256[],bytes[],bytes32,bytes32) view returns (bytes32)',
  'function proposalCount() view returns (uint256)',
  'function proposalDetailsAt(uint256) view returns (uint256, address[], uint256[], bytes[], bytes32)',
  'event CallScheduled(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data, bytes32 predecessor, uint256 delay)',
]
/** Public RPC endpoints refuse longer ranges of logs. */
const LOG_RANGE = 5_000

export type ContentOptions = {
  readonly provider: Provider
  readonly deployment: DeploymentFile
  /** Tokens that the deployment created, in units of 1e-18. */
  readonly minted: bigint
}

/**
 * Finds services that neither the factory made nor the plan registers, and operations in the timelock that do not come from a proposal of
 * the governor. Until the DAO has executed its first proposal, also finds tokens and verifiers that the deployment did not make.
 */
export async function contentProblems({ provider, deployment, minted }: ContentOptions): Promise<string[]> {
  const { contracts, fromBlock, services } = deployment
  const at = (address: string) => new Contract(address, CONTENT_ABI, provider)
  const read = async <T>(address: string, method: string, ...args: unknown[]): Promise<T> =>
    (await at(address).getFunction(method)(...args)) as T
  const problems: string[] = []

  const planned = new Set([contracts.AdoptedModel, ...services.map(({ address }) => address)])
  const registered = Number(await read<bigint>(contracts.ModelRegistry, 'serviceCount'))
  for (let index = 0; index < registered; index++) {
    const service = await read<string>(contracts.ModelRegistry, 'serviceAt', index)
    if (!planned.has(service)) problems.push(`the model registry has the service ${service}, which no factory made`)
  }

  const proposed = await operationsOf(contracts, read)
  const timelock = at(contracts.TimelockController)
  const latest = await provider.getBlockNumber()
  for (let from = fromBlock; from <= latest; from += LOG_RANGE) {
    const to = Math.min(latest, from + LOG_RANGE - 1)
    for (const event of await timelock.queryFilter('CallScheduled', from, to)) {
      const id: string = (event as EventLog).args.id
      if (!proposed.has(id)) problems.push(`the timelock has the operation ${id}, which nobody voted on`)
    }
  }

  for (const id of proposed)
    if (await read<boolean>(contracts.TimelockController, 'isOperationDone', id)) return problems
  const supply = await read<bigint>(contracts.CohortToken, 'totalSupply')
  if (supply !== minted) problems.push(`the token’s supply is ${supply}, not the ${minted} of the parameters`)
  const circuits = await read<bigint>(contracts.VerifierRegistry, 'circuitCount')
  if (circuits !== 0n) problems.push(`the verifier registry has ${circuits} circuits, which nobody voted on`)
  return problems
}

/** The timelock's ids of all proposals, as GovernorTimelockControl forms them: the salt is the governor's address xor the description. */
async function operationsOf(
  contracts: DeploymentFile['contracts'],
  read: <T>(address: string, method: string, ...args: unknown[]) => Promise<T>,
): Promise<Set<string>> {
  const count = Number(await read<bigint>(contracts.CohortGovernor, 'proposalCount'))
  const ids = new Set<string>()
  for (let index = 0; index < count; index++) {
    type Details = [id: bigint, targets: string[], values: bigint[], payloads: string[], description: string]
    const [, targets, values, payloads, description] = await read<Details>(
      contracts.CohortGovernor,
      'proposalDetailsAt',
      index,
    )
    const salt = toBeHex((BigInt(contracts.CohortGovernor) << 96n) ^ BigInt(description), 32)
    const call = [[...targets], [...values], [...payloads], toBeHex(0, 32), salt]
    ids.add(await read<string>(contracts.TimelockController, 'hashOperationBatch', ...call))
  }
  return ids
}
