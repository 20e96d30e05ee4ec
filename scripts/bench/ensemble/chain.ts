// SPDX-License-Identifier: GPL-3.0-or-later
// The oracle on an in-process chain: the members' models released, their verifiers registered, one picture asked, every
// answer proven, the decision taken.
import { mkdir, rm } from 'node:fs/promises'
import type { ContractTransactionResponse } from 'ethers'
import { deployVerifier, outputSchemaOf } from '../../../keepers/serving/index.ts'
import {
  type CircuitFolder,
  compileFolder,
  InferenceProver,
  planToJson,
  setupFolder,
  toSolidityProof,
} from '../../../keepers/zkml/index.ts'
import { deployVersions } from '../../../test/contracts/registry/versions.ts'
import { RULES, type Rule } from './decide.ts'
import type { EnsembleMember } from './members.ts'

type Pair = [bigint, bigint]

const HOUR = 3600
const LABEL_AND_MARGIN = 1
const CLASSES = 10
const HALF = 5000

export type Decision = {
  readonly label: bigint
  /** Gas of whole transactions. */
  readonly gas: { readonly ask: number; readonly answers: readonly number[]; readonly close: number }
  readonly constraints: readonly number[]
}

async function circuitOf(member: EnsembleMember, progress: (message: string) => void): Promise<CircuitFolder> {
  const { folder, program, plan } = member
  progress(`${member.name}: compiling and setting up its circuit`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const compiled = await compileFolder({ folder, program, plan: planToJson(plan) })
  await setupFolder(folder)
  return compiled
}

/** Has the members answer about one picture, and returns the oracle's decision. */
export async function decideOnChain(
  members: readonly EnsembleMember[],
  weights: readonly number[],
  rule: Rule,
  picture: Float64Array,
  progress: (message: string) => void,
): Promise<Decision> {
  const folders: CircuitFolder[] = []
  for (const member of members) folders.push(await circuitOf(member, progress))
  const { network } = await import('hardhat')
  const { ethers, networkHelpers } = await network.create()
  const [dao, prover] = await ethers.getSigners()
  const models = await ethers.deployContract('ModelRegistry', [dao])
  const verifiers = await ethers.deployContract('VerifierRegistry', [dao])
  const hub = await ethers.deployContract('InferenceHub', [models, verifiers])
  const oracle = await ethers.deployContract('EnsembleOracle', [hub])
  await models.grantRole(await models.REGISTRAR_ROLE(), dao!)
  await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), dao!)
  // A contract that stands for the learning service.
  const keepers = await deployVersions(ethers)
  const service = keepers.address
  await models.registerService(service)
  for (const [i, { manifest, program, folder }] of folders.entries()) {
    const modelHash = ethers.toBeHex(BigInt(manifest.modelCommitment), 32)
    await keepers.publish(1, i + 1, modelHash, `0x0155${'00'.repeat(34)}`, 1)
    const { address, vkHash } = await deployVerifier(folder, dao!, members[i]!.name)
    await verifiers.register(manifest.circuitId, address, vkHash, 1, '0x')
    const terms = { modelHash, circuitHash: manifest.circuitId, vkHash, uri: members[i]!.name }
    const proofSystemId = ethers.id('groth16-bn254-v1').slice(0, 10)
    await hub.registerModel({ ...terms, proofSystemId }, service, i + 1, outputSchemaOf(program))
  }
  const settings = {
    ...{ rule: RULES.indexOf(rule), quorum: HALF, majority: 0, adaptation: 4, curator: dao!.address },
    ...{ range: CLASSES, tolerance: 0 },
  }
  const seats = weights.map((weight, i) => ({ id: i + 1, decoding: LABEL_AND_MARGIN, weight, minMargin: 0 }))
  await oracle.createEnsemble(settings, seats)

  // One salt for all, so that the commitment is one; drawn by the first prover.
  let salts: { readonly input?: bigint } = {}
  let inputCommitment = ''
  const answers: number[] = []
  let ask = 0
  for (const [i, folder] of folders.entries()) {
    progress(`${members[i]!.name}: proving`)
    const prove = await InferenceProver.open(folder)
    try {
      if (i === 0) {
        const first = prove.circuit.witness({ input: picture, context: 0n })
        salts = first.salts
        inputCommitment = ethers.toBeHex(first.publicSignals[1]!, 32)
        const deadline = (await networkHelpers.time.latest()) + HOUR
        ask = await gasOf(oracle.ask(1, inputCommitment, deadline))
      }
      const { version, context } = await oracle.statementOf(1, i, prover!)
      const { proof, publicSignals } = await prove.prove({ input: picture, context, salts })
      const { a, b, c } = toSolidityProof(proof)
      const words: { a: Pair; b: [Pair, Pair]; c: Pair } = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] }
      const answer = oracle.connect(prover!).answer(1, i, inputCommitment, version, publicSignals[2]!, words)
      answers.push(await gasOf(answer))
    } finally {
      await prove.close()
    }
  }
  const close = await gasOf(oracle.close(1))
  const { value } = await oracle.resultOf(1)
  return { label: value, gas: { ask, answers, close }, constraints: folders.map((each) => each.manifest.constraints) }
}

async function gasOf(sent: Promise<ContractTransactionResponse>): Promise<number> {
  return Number((await (await sent).wait())!.gasUsed)
}
