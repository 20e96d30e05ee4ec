// SPDX-License-Identifier: GPL-3.0-or-later
// A Safe under the guard on an in-process chain, and the cost of its transactions.
import { ZeroAddress } from 'ethers'
import { askGuard, bringVerdict, proveSpend } from '../../../keepers/apps/spending/index.ts'
import { deployVerifier, outputSchemaOf } from '../../../keepers/serving/index.ts'
import type { InferenceProver } from '../../../keepers/zkml/index.ts'
import { deploySafe } from '../../../test/contracts/consumers/safe.ts'
import { deployVersions } from '../../../test/contracts/registry/versions.ts'

const LIMIT = 1000n
const DAY = 86_400
/** Payments that make a recipient an old acquaintance. */
const PAYMENTS = 5

/** Gas of whole transactions of a Safe of two owners, and of bringing a verdict. */
export type GuardGas = { readonly withinLimit: number; readonly verdict: number; readonly transaction: number }

/** Pays somebody who was paid before, within the limit and above it. @throws when the model takes that for theft */
export async function measureGuardGas(prover: InferenceProver): Promise<GuardGas> {
  const { network } = await import('hardhat')
  const { ethers, networkHelpers } = await network.create()
  const [dao, owner, stranger] = await ethers.getSigners()
  const models = await ethers.deployContract('ModelRegistry', [dao])
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  const hub = await ethers.deployContract('InferenceHub', [models, verifiers])
  const guard = await ethers.deployContract('SpendingGuard', [hub])
  await models.grantRole(await models.REGISTRAR_ROLE(), dao!)
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao!)
  // A contract that stands for the learning service.
  const keepers = await deployVersions(ethers)
  await models.registerService(keepers.address)
  const { folder, manifest, program } = prover.circuit.folder
  const modelHash = ethers.toBeHex(BigInt(manifest.modelCommitment), 32)
  await keepers.publish(1, 1, modelHash, `0x0155${'00'.repeat(34)}`, 1)
  const { address: verifier, vkHash } = await deployVerifier(folder, dao!, 'Spends')
  await verifiers.register(manifest.circuitId, verifier, vkHash, 1, '0x')
  const proofSystemId = ethers.id('groth16-bn254-v1').slice(0, 10)
  const terms = { modelHash, circuitHash: manifest.circuitId, vkHash, proofSystemId, uri: '' }
  await hub.registerModel(terms, keepers.address, 1, outputSchemaOf(program))

  const safe = await deploySafe([dao!, owner!])
  await dao!.sendTransaction({ to: safe.address, value: 100n * LIMIT })
  const at = await guard.getAddress()
  const policy = {
    ...{ modelId: 1, approvedLabel: 1, margins: true, minMargin: 0 },
    ...{ window: DAY, verdictSeconds: 600, delay: DAY },
  }
  const { interface: calls } = guard
  await safe.execute({ to: at, data: calls.encodeFunctionData('setLimit', [ZeroAddress, LIMIT]) })
  await safe.execute({ to: at, data: calls.encodeFunctionData('setPolicy', [policy]) })
  await safe.execute({ to: safe.address, data: safe.interface.encodeFunctionData('setGuard', [at]) })

  const to = ethers.Wallet.createRandom().address
  const pay = async (value: bigint) => Number((await (await safe.execute({ to, value })).wait())!.gasUsed)
  let withinLimit = 0
  for (let i = 0; i < PAYMENTS; i++) {
    withinLimit = await pay(LIMIT / 2n)
    await networkHelpers.time.increase(3 * DAY)
  }
  const spend = { to, value: 2n * LIMIT, data: '0x', operation: 0, origin: 0 } as const
  const question = await askGuard(at, ethers.provider, safe.address, spend)
  const { proof } = await proveSpend(prover, question.bytes, question.context)
  const { gasUsed } = await bringVerdict(at, stranger!, question, proof)
  return { withinLimit, verdict: Number(gasUsed), transaction: await pay(spend.value) }
}
