// SPDX-License-Identifier: GPL-3.0-or-later
// Services with versions and owners, their models in a hub, and an ensemble of them: what the tests of ensembles and labels share.
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment, productCircuit } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'

export const HOUR = 3600
export const RULE = { vote: 0, marginVote: 1, mean: 2, median: 3 }
export const STATUS = { none: 0n, open: 1n, decided: 2n, abstained: 3n }
/** On this feature a model says its weight. */
export const INPUT = commitment(1n)
const CID = `0x01551220${'56'.repeat(32)}`

async function deployServices() {
  const { ethers, networkHelpers } = await network.create()
  const accounts = await accountsOf(ethers)
  const [dao, curator, asker, prover, stranger] = accounts
  const models = await ethers.deployContract('ModelRegistry', [dao])
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  const hub = await ethers.deployContract('InferenceHub', [models, verifiers])
  const ensembles = (await ethers.deployContract('ServiceEnsemble', [hub])).connect(curator)
  const labels = await ethers.deployContract('PseudoLabels', [ensembles])
  for (const role of ['REGISTRAR_ROLE', 'RELEASE_ROLE'] as const) await models.grantRole(await models[role](), dao)
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao)
  const circuit = await productCircuit()
  const verifier = await circuit.deployVerifier(dao)
  await verifiers.register(circuit.id, await verifier.getAddress(), circuit.vkHash, 1, '0x')

  /** A service with a released version that says `output`, of an owner of its own, and its following model in the hub. */
  const addService = async (output: bigint | number, schema: { form: number; scale: number } = OUTPUT.label) => {
    const owner = accounts[5 + (Number(await models.serviceCount()) % 10)]!
    const service = await ethers.deployContract('AdoptedModel', [owner])
    await models.registerService(service)
    await service.connect(owner).adopt(commitment(BigInt(output)), CID)
    await models.release(service, 1)
    const described = {
      circuitHash: circuit.id,
      vkHash: circuit.vkHash,
      proofSystemId: ethers.id('groth16-bn254-v1').slice(0, 10),
    }
    await hub.registerModel({ ...described, modelHash: ethers.ZeroHash, uri: '' }, service, 0, schema)
    return {
      service,
      owner,
      address: await service.getAddress(),
      modelId: await hub.modelCount(),
      weights: [BigInt(output)],
    }
  }
  type Service = Awaited<ReturnType<typeof addService>>
  /** The service's next version. */
  const release = async (of: Service, output: bigint | number) => {
    await of.service.connect(of.owner).adopt(commitment(BigInt(output)), CID)
    of.weights.push(BigInt(output))
    await models.release(of.service, of.weights.length)
  }
  const settings = (changes: object = {}) => ({
    ...{ rule: RULE.vote, minAnswers: 1, quorum: 5000, majority: 0, scale: 0n, range: 10n },
    ...changes,
  })
  const found = async (changes: object, members: readonly Service[], weights: readonly number[] = []) => {
    await ensembles.found(settings(changes))
    const id = await ensembles.ensembleCount()
    for (const [i, { modelId }] of members.entries()) await ensembles.join(id, modelId, weights[i] ?? 1000, 0)
    return id
  }
  const ask = async (id: bigint, options: { value?: bigint; seconds?: number; queries?: object[] } = {}) => {
    const [, roster] = await ensembles.rosterOf(id)
    const { value = 3000n, seconds = HOUR, queries = [{ inputCommitment: INPUT, payload: '0x04' }] } = options
    const deadline = (await networkHelpers.time.latest()) + seconds
    await ensembles.connect(asker).ask(id, roster, queries as never, deadline, { value })
    return await ensembles.questionCount()
  }
  /** One member's answer, by a proof of the version that its request pins. */
  const answer = async (question: bigint, { address, modelId, weights }: Service) => {
    const asked = await ensembles.askedOf(question)
    const { requestId } = asked.find((member) => member.service === address)!
    const { version, deadline } = await hub.getRequest(requestId)
    const weight = weights[Number(version) - 1]!
    const context = await hub.contextOf(requestId, prover.address, modelId, version, deadline)
    return hub.connect(prover).fulfil(requestId, weight, await circuit.prove(weight, 1n, context))
  }
  const pastDeadline = async (question: bigint) => {
    await networkHelpers.time.increaseTo((await ensembles.getQuestion(question)).deadline + 1n)
  }
  return {
    ...{ ethers, networkHelpers, dao, curator, asker, prover, stranger, models, verifiers, hub, ensembles, labels },
    ...{ circuit, addService, release, settings, found, ask, answer, pastDeadline, CID },
  }
}

export const createServices = restored(deployServices)
