// SPDX-License-Identifier: GPL-3.0-or-later
// What the end-to-end tests of services of services share: acting as the timelock of a development chain, more services, commands.
import { expect } from 'chai'
import { Contract, type JsonRpcProvider, JsonRpcSigner, type Result } from 'ethers'
import { clients, contractInterface, DaoClient, type DeploymentFile } from '../../keepers/chain/index.ts'
import { commandIn } from '../commands/command-line.ts'

export type World = {
  readonly url: string
  readonly provider: JsonRpcProvider
  readonly deployment: DeploymentFile
  /** The file that commands read. */
  readonly file: string
}

/** `cohort …` on this chain, as JSON. @throws when it fails */
export async function told(world: World, ...args: readonly string[]): Promise<any> {
  const { code, stdout, stderr } = await said(world, ...args, '--json')
  expect(code, `cohort ${args.join(' ')}: ${stderr}`).to.equal(0)
  return JSON.parse(stdout)
}

/** The same, whatever happens. */
export async function said({ url, file }: World, ...args: readonly string[]) {
  return await commandIn({ COHORT_RPC_URL: url, COHORT_DEPLOYMENT: file, ...nested }, ...args)
}

/** Addresses that `nested deploy` has told. */
const nested: Record<string, string> = {}

/** Deploys the contracts of this feature; commands find them from now on. */
export async function deployNestedHere(world: World): Promise<{ tree: string; ensembles: string; labels: string }> {
  const made = await told(world, 'nested', 'deploy', '--account', '0')
  Object.assign(nested, { COHORT_TREE: made.tree, COHORT_ENSEMBLES: made.ensembles, COHORT_LABELS: made.labels })
  return made
}

/** Runs calls as the deployment's timelock: a vote of its DAO would. */
export async function asTimelock(world: World, body: (account: JsonRpcSigner) => Promise<void>) {
  const { provider, deployment } = world
  const { TimelockController: timelock } = deployment.contracts
  await provider.send('hardhat_impersonateAccount', [timelock])
  await provider.send('hardhat_setBalance', [timelock, '0xde0b6b3a7640000'])
  try {
    // `getSigner` knows only accounts that the node has keys of.
    await body(new JsonRpcSigner(provider, timelock))
  } finally {
    await provider.send('hardhat_stopImpersonatingAccount', [timelock])
  }
}

export const mined = async (sent: Promise<{ wait(): Promise<unknown> }>): Promise<void> => {
  await (await sent).wait()
}

/** One more service like the deployment's first. */
export async function addService(world: World, name: string, manifest: string): Promise<string> {
  const client = await DaoClient.connect({ provider: world.provider, deployment: world.deployment })
  return (await client.createServiceNow('', { name, manifest })).service
}

/** Changes parameters of a service that is in Registration. */
export async function setParameters(world: World, address: string, changes: object): Promise<void> {
  const service = clients.service(address, world.provider)
  const parameters = ((await service.parameters()) as unknown as Result).toObject()
  await asTimelock(world, async (timelock) => {
    const writable = new Contract(address, contractInterface('ILearningService'), timelock)
    await mined(writable.getFunction('setParameters')({ ...parameters, ...changes }))
  })
}
