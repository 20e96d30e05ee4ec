// SPDX-License-Identifier: GPL-3.0-or-later
// A hub over real registries and a real verifier: what the inference tests share.

import type { Signer } from 'ethers'
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'
import { deployVersions } from '../registry/versions.ts'
import { restored } from '../restored.ts'
import { OUTPUT } from './output-schema.ts'
import { commitment, type Proof, productCircuit } from './product-circuit.ts'

/** The "weights" of the versions that the service publishes: version v multiplies by WEIGHTS[v − 1]. */
export const WEIGHTS = [3n, 5n, 7n]
export const FEATURE = 4n
export const INPUT = commitment(FEATURE)
export const HOUR = 3600
export const PRICE = 10n ** 17n

const CID = `0x0155${'56'.repeat(34)}`

/**
 * Three accepted versions, the first released; model 1 follows the releases, model 2 pins version 2. `keepers.publish`
 * adds more.
 */
async function deployHub() {
  const { ethers, networkHelpers } = await network.create()
  const [dao, owner, user, prover, stranger] = await accountsOf(ethers)
  const models = await ethers.deployContract('ModelRegistry', [dao])
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  const hub = await ethers.deployContract('InferenceHub', [models, verifiers])
  await models.grantRole(await models.REGISTRAR_ROLE(), dao)
  await models.grantRole(await models.RELEASE_ROLE(), dao)
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao)
  const keepers = await deployVersions(ethers)
  const service = keepers.address
  await models.registerService(service)
  for (const [round, weight] of WEIGHTS.entries()) await keepers.publish(1, round + 1, commitment(weight), CID, 7)
  await models.release(service, 1)

  const circuit = await productCircuit()
  const verifier = await circuit.deployVerifier(dao)
  await verifiers.register(circuit.id, await verifier.getAddress(), circuit.vkHash, 1, '0x')

  const described = (modelHash: string = ethers.ZeroHash, changes: object = {}) => ({
    modelHash,
    circuitHash: circuit.id,
    vkHash: circuit.vkHash,
    proofSystemId: ethers.id('groth16-bn254-v1').slice(0, 10),
    uri: 'ipfs://card',
    ...changes,
  })
  await hub.connect(owner).registerModel(described(), service, 0, OUTPUT.label)
  await hub.connect(owner).registerModel(described(commitment(WEIGHTS[1]!)), service, 2, OUTPUT.label)

  /** A valid answer to an open request, by whoever will send it. */
  const answer = async (requestId: string, by: { address: string }): Promise<{ output: bigint; proof: Proof }> => {
    const request = await hub.getRequest(requestId)
    const weight = WEIGHTS[Number(request.version) - 1]!
    const context = await hub.contextOf(requestId, by.address, request.modelId, request.version, request.deadline)
    return { output: weight * FEATURE, proof: await circuit.prove(weight, FEATURE, context) }
  }

  /** Posts a request and returns its id. */
  const ask = async (options: { modelId?: number; by?: Signer; deadline?: number; price?: bigint } = {}) => {
    const deadline = options.deadline ?? (await networkHelpers.time.latest()) + HOUR
    const asking = hub.connect(options.by ?? user)
    await asking.request(options.modelId ?? 1, INPUT, deadline, 0, '0x04', { value: options.price ?? PRICE })
    return ethers.toBeHex(await count(), 32)
  }
  const count = async () => (await hub.queryFilter(hub.filters.InferenceRequested())).length

  type Ticket = { nonce: string; version: bigint; deadline: bigint }
  const ticket = async (changes: Partial<Ticket> = {}): Promise<Ticket> => ({
    nonce: ethers.id('nonce'),
    version: 1n,
    deadline: BigInt(await networkHelpers.time.latest()) + BigInt(HOUR),
    ...changes,
  })
  const contextFor = async (caller: string, modelId: number, { nonce, version, deadline }: Ticket) =>
    hub.contextOf(await hub.directRequestId(caller, nonce), caller, modelId, version, deadline)
  /** The bytes that `verifyInference` takes. */
  const encode = (proof: Proof, { nonce, version, deadline }: Ticket) =>
    ethers.AbiCoder.defaultAbiCoder().encode(
      ['tuple(uint256[2] a, uint256[2][2] b, uint256[2] c)', 'tuple(bytes32 nonce, uint64 version, uint64 deadline)'],
      [proof, { nonce, version, deadline }],
    )
  const word = (value: bigint | number) => ethers.toBeHex(value, 32)

  return {
    ...{ ethers, networkHelpers, dao, owner, user, prover, stranger, models, verifiers, hub, service, keepers },
    ...{ circuit, described, answer, ask, ticket, contextFor, encode, word, CID },
  }
}

export const createHub = restored(deployHub)

export type Hub = Awaited<ReturnType<typeof createHub>>
