// SPDX-License-Identifier: GPL-3.0-or-later
// Calls about whole services: set parameters or a manifest, and create a service.
import {
  concat,
  getCreate2Address,
  type JsonRpcApiProvider,
  keccak256,
  type Result,
  toBeHex,
  toUtf8Bytes,
} from 'ethers'
import type { ILearningServiceTypes } from '../../../types/contracts/interfaces/ILearningService.ts'
import type { ILearningService, ServiceFactory } from '../../../types/index.ts'
import { DaoError } from './errors.ts'
import type { Call } from './proposals.ts'

/** Creation code of a minimal proxy (ERC-1167, as OpenZeppelin's Clones deploys it), before and after the implementation's address. */
const PROXY = ['0x3d602d80600a3d3981f3363d3d373d3d3d363d73', '0x5af43d82803e903d91602b57fd5bf3'] as const

type ServiceParameters = ILearningServiceTypes.ParametersStruct & { readonly manifest: string }

/** Parameters that hold from the next epoch on, as a call takes them. */
async function parametersOf(service: ILearningService): Promise<ServiceParameters> {
  const [[pending, next], current] = await Promise.all([service.pendingParameters(), service.parameters()])
  // A struct comes back as ethers' Result: a list that knows its names.
  return ((pending ? next : current) as unknown as Result).toObject() as ServiceParameters
}

/** Sets a service's manifest and leaves its other parameters. @throws DaoError wrong-status when it has that one */
export async function manifestCall(service: ILearningService, name: string, manifest: string): Promise<Call> {
  const parameters = await parametersOf(service)
  if (parameters.manifest === manifest)
    throw new DaoError('wrong-status', `${name} has the manifest ${manifest} already`)
  const data = service.interface.encodeFunctionData('setParameters', [{ ...parameters, manifest }])
  return { target: await service.getAddress(), data }
}

/** What is new about a service. Its other parameters are copied from an existing one. */
export type NewService = {
  readonly name: string
  readonly manifest: string
  readonly buffer?: number
  readonly maxStaleness?: number
}

/** Parameters of a service that the DAO may change; amounts in units of 1e-18 token, windows in seconds. */
export type ServiceTerms = Readonly<Record<string, bigint | number | string | boolean>>

/** The parameters in force, and those for the next epoch; null when they are the same. */
export async function serviceTerms(
  service: ILearningService,
): Promise<{ readonly current: ServiceTerms; readonly next: ServiceTerms | null }> {
  const [[pending, next], current] = await Promise.all([service.pendingParameters(), service.parameters()])
  const plain = (terms: unknown): ServiceTerms => (terms as Result).toObject() as ServiceTerms
  return { current: plain(current), next: pending ? plain(next) : null }
}

/** Sets some parameters of a service and leaves the others. @throws DaoError bad-call for an unknown parameter */
export async function parametersCall(service: ILearningService, changes: ServiceTerms): Promise<Call> {
  const parameters = await parametersOf(service)
  const unknown = Object.keys(changes).find((name) => !(name in parameters))
  if (unknown !== undefined || Object.keys(changes).length === 0) {
    throw new DaoError(
      'bad-call',
      `'${unknown ?? ''}' is no parameter: there are ${Object.keys(parameters).join(', ')}`,
    )
  }
  const data = service.interface.encodeFunctionData('setParameters', [{ ...parameters, ...changes }])
  return { target: await service.getAddress(), data }
}

/**
 * Makes a new service with the parameters of another one, except the manifest.
 * @returns also the address that it gets unless another service is made first
 */
export async function serviceCall(
  factory: ServiceFactory,
  like: ILearningService,
  terms: NewService & { readonly admin: string },
): Promise<{ readonly call: Call; readonly address: string }> {
  const { name, admin, ...changes } = terms
  const bytes = toUtf8Bytes(name).length
  if (bytes < 1 || bytes > 64)
    throw new DaoError('wrong-status', `a service's name has 1 to 64 bytes, '${name}' has ${bytes}`)
  const [parameters, target, implementation, count] = await Promise.all([
    parametersOf(like),
    factory.getAddress(),
    factory.IMPLEMENTATION(),
    factory.serviceCount(),
  ])
  const data = factory.interface.encodeFunctionData('createService', [name, admin, { ...parameters, ...changes }])
  const code = keccak256(concat([PROXY[0], implementation, PROXY[1]]))
  return { call: { target, data }, address: getCreate2Address(target, toBeHex(count, 32), code) }
}

/** The funds that an account of a development node needs for one call. */
const GAS_MONEY = '0xde0b6b3a7640000'

/**
 * Sends a call from somebody else's account, as Hardhat's and Anvil's nodes let anybody.
 * @throws DaoError wrong-chain for any other node; reverted
 */
export async function actAs(provider: JsonRpcApiProvider, account: string, { target, data }: Call): Promise<void> {
  try {
    await provider.send('hardhat_impersonateAccount', [account])
  } catch (cause) {
    throw new DaoError('wrong-chain', 'only a development node makes a service without a vote: leave --now out', {
      cause,
    })
  }
  try {
    await provider.send('hardhat_setBalance', [account, GAS_MONEY])
    const hash: string = await provider.send('eth_sendTransaction', [{ from: account, to: target, data }])
    const receipt = await provider.waitForTransaction(hash)
    if (receipt?.status !== 1) throw new DaoError('reverted', `transaction ${hash} was reverted`)
  } finally {
    await provider.send('hardhat_stopImpersonatingAccount', [account])
  }
}
