// SPDX-License-Identifier: GPL-3.0-or-later
// Uses the contracts that consume proofs, so that the console of a demo that stays up has something to show: a paid proving job, an ensemble's opinion,
// and a Safe whose larger payments a model has judged.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEther, type JsonRpcProvider, parseEther, toBeHex, ZeroAddress } from 'ethers'
import { approves, askGuard, bringVerdict, proveSpend } from '../../keepers/apps/spending/index.ts'
import { clients, type DaoClient, type DeploymentFile } from '../../keepers/chain/index.ts'
import { DataPlane } from '../../keepers/network/index.ts'
import {
  type DeployedVerifier,
  deployVerifier,
  outputSchemaOf,
  postJob,
  readJob,
  readWitness,
} from '../../keepers/serving/index.ts'
import { fetchVersion, openManifest, provableModel, type ServiceManifest } from '../../keepers/versions/index.ts'
import {
  type CircuitFolder,
  folderPaths,
  type InferenceProof,
  InferenceProver,
  openFolder,
  toSolidityProof,
  withWeights,
} from '../../keepers/zkml/index.ts'
import { deploySafe } from '../../test/contracts/consumers/safe.ts'
import { accountSigner } from './accounts.ts'
import { ACCOUNT } from './deployment.ts'
import { passByVote } from './governance.ts'

/** Who posts, asks and owns the Safe, and who proves. */
const [USER, PROVER] = [ACCOUNT.user, ACCOUNT.daoMembers[2]]
const PROOF_PRICE = parseEther('0.002')
const ANSWERS_PRICE = parseEther('0.004')
/** More than any slot reserves. */
const PROVER_BOND = parseEther('1')
const JOB_SECONDS = 3_600
const CLAIM_SECONDS = 600
const QUESTION_SECONDS = 3_600
/** IEnsembleOracleTypes: the label with the most weight; outputs are labels. */
const [VOTE, LABEL] = [0, 0]
const MEMBER_WEIGHT = 1_024
/** What leaves the Safe in a day without a verdict. */
const LIMIT = parseEther('1')
const DAY = 86_400
const HOUR = 3_600

/** The judge of spends as the DAO adopted it. */
export type GuardModel = {
  readonly folder: string
  readonly verifier: Pick<DeployedVerifier, 'vkHash'>
  readonly version: number
}

type Surroundings = { readonly provider: JsonRpcProvider; readonly deployment: DeploymentFile }

/** Has the DAO take over the judge of spends. Its voting goes on beside the rounds. */
export async function adoptGuardModel(
  { provider, folder }: { readonly provider: JsonRpcProvider /** Of its circuit. */; readonly folder: string },
  members: readonly DaoClient[],
  say: (text: string) => void,
): Promise<GuardModel> {
  const { manifest } = await openFolder(folder)
  const verifier = await deployVerifier(folder, accountSigner(provider, ACCOUNT.deployer), 'the judge of spends')
  let version = 0
  const draft = async (proposer: DaoClient) => {
    const program = await readFile(folderPaths(folder).program)
    const proposal = await proposer.proposeModel({
      verifier: {
        circuitId: manifest.circuitId,
        verifier: verifier.address,
        vkHash: verifier.vkHash,
        setup: 'local',
      },
      weightsCommitment: toBeHex(manifest.modelCommitment, 32),
      // CIDv1, raw bytes, SHA-256.
      cid: `0x01551220${createHash('sha256').update(program).digest('hex')}`,
      description: 'Adopt the judge of spends',
    })
    version = proposal.version
    return proposal
  }
  await passByVote(members, [draft], say)
  return { folder, verifier, version }
}

/** Leaves all three. The model's verifier is registered, and `version` of the service released. */
export async function leaveUses(
  options: Surroundings & {
    /** For the prover's own blocks. */
    readonly folder: string
    readonly circuit: string
    readonly vkHash: string
    readonly manifest: ServiceManifest
    readonly version: number
    /** An input of the model. */
    readonly input: readonly number[]
    readonly guardModel: GuardModel
    readonly say: (text: string) => void
  },
): Promise<void> {
  const { provider, deployment, circuit, manifest, version, say } = options
  const service = deployment.services[0]!.address
  const plane = await DataPlane.start({
    folder: join(options.folder, 'uses-ipfs'),
    identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
  })
  try {
    const model = await openManifest(manifest)
    const source = { provider, service, fromBlock: deployment.fromBlock, model, plane }
    const openVersion = async (wanted: number): Promise<CircuitFolder> => {
      const compiled = await openFolder(circuit)
      const held = await fetchVersion(source, BigInt(wanted))
      return await withWeights(compiled, provableModel(model, held.weights, compiled.program.output).program, held.salt)
    }
    const released = await InferenceProver.open(await openVersion(version))
    try {
      const job = await leaveJob(options, released)
      say(`Job ${job} at the market for proofs: posted, claimed, proven, paid`)
      // An ensemble counts labels, and the model of an amount says none.
      if (manifest.task.kind === 'classification') {
        const models = clients.models(deployment.contracts.ModelRegistry, provider)
        const newest = Number(await models.versionCount(service))
        const other = await InferenceProver.open(await openVersion(newest))
        try {
          const label = await leaveOpinion(options, [released, other], newest)
          say(`An ensemble of versions ${version} and ${newest}: both proved what they see, and it says ${label}`)
        } finally {
          await other.close()
        }
      }
    } finally {
      await released.close()
    }
  } finally {
    await plane.stop()
  }
  const verdicts = await leaveVerdicts(options)
  say(`A Safe with a limit of ${formatEther(LIMIT)} ether a day, and ${verdicts} verdicts on larger payments`)
}

/** A job of one segment, from the post to the payment. */
async function leaveJob(
  { provider, deployment, input }: Surroundings & { readonly input: readonly number[] },
  prover: InferenceProver,
): Promise<bigint> {
  const address = deployment.contracts.ProverMarket
  const worker = accountSigner(provider, PROVER)
  const market = clients.proverMarket(address, worker)
  const { jobId } = await postJob({
    ...{ signer: accountSigner(provider, USER), market: address, circuits: [prover.circuit.folder], input },
    ...{ startPrice: PROOF_PRICE, maxPrice: PROOF_PRICE, copies: 1 },
    ...{ seconds: JOB_SECONDS, claimSeconds: CLAIM_SECONDS },
  })
  await (await market.bond({ value: PROVER_BOND })).wait()
  await (await market.claim(jobId, 0, 0)).wait()
  const job = await readJob(market, provider, jobId)
  const account = { address: worker.address, privateKey: null }
  const [segment] = await readWitness(market, job, { fromBlock: deployment.fromBlock, plane: null, prover: account })
  const deadline = Number(job.deadline)
  const context = await market.contextOf(jobId, 0, worker, job.segments[0]!.circuitId, deadline)
  const proven = await prover.prove({ ...segment!, integers: true, context })
  const output = proven.publicSignals[2]!
  const proof = wordsOf(proven)
  await (await market.submit(jobId, 0, 0, output, proof)).wait()
  await (await market.settle(jobId, [{ segment: 0, copy: 0, output, proof }])).wait()
  return jobId
}

/** An ensemble of what the DAO releases and of the newest version, asked once. @returns the label that it gave */
async function leaveOpinion(
  {
    provider,
    deployment,
    vkHash,
    input,
  }: Surroundings & { readonly vkHash: string; readonly input: readonly number[] },
  members: readonly [InferenceProver, InferenceProver],
  newest: number,
): Promise<bigint> {
  const { contracts, services } = deployment
  const asker = accountSigner(provider, USER)
  const worker = accountSigner(provider, PROVER)
  const hub = clients.hub(contracts.InferenceHub, asker)
  const { manifest, program } = members[1].circuit.folder
  const commitment = {
    ...{ modelHash: toBeHex(manifest.modelCommitment, 32), circuitHash: manifest.circuitId, vkHash },
    ...{ proofSystemId: await hub.GROTH16_BN254(), uri: '' },
  }
  await (await hub.registerModel(commitment, services[0]!.address, newest, outputSchemaOf(program))).wait()
  const models = [1n, await hub.modelCount()]
  const oracle = clients.ensembles(contracts.EnsembleOracle, asker)
  const settings = {
    ...{ rule: VOTE, quorum: 5_000, majority: 0, adaptation: 4, curator: ZeroAddress },
    ...{ range: program.tensors.find(({ id }) => id === program.scores)!.shape.at(-1)!, tolerance: 0 },
  }
  const seats = models.map((id) => ({ id, decoding: LABEL, weight: MEMBER_WEIGHT, minMargin: 0 }))
  await (await oracle.createEnsemble(settings, seats)).wait()
  const ensembleId = await oracle.ensembleCount()

  // One salt for both, so that the commitment is one; the first draws it.
  const { salts, publicSignals } = members[0].circuit.witness({ input, context: 0n })
  const inputCommitment = toBeHex(publicSignals[1]!, 32)
  const deadline = (await provider.getBlock('latest'))!.timestamp + QUESTION_SECONDS
  await (await oracle.ask(ensembleId, inputCommitment, deadline, { value: ANSWERS_PRICE })).wait()
  const questionId = await oracle.questionCount()
  for (const [member, prover] of members.entries()) {
    const { version, context } = await oracle.statementOf(questionId, member, worker)
    const proven = await prover.prove({ input, context, salts })
    const output = proven.publicSignals[2]!
    await (
      await oracle.connect(worker).answer(questionId, member, inputCommitment, version, output, wordsOf(proven))
    ).wait()
  }
  await (await oracle.close(questionId)).wait()
  return (await oracle.resultOf(questionId)).value
}

/** A guarded Safe: a payment that a verdict let through, one that a verdict waits for, one that was announced. @returns how many verdicts */
async function leaveVerdicts({
  provider,
  deployment,
  guardModel,
}: Surroundings & { readonly guardModel: GuardModel }): Promise<number> {
  const { contracts } = deployment
  const owner = accountSigner(provider, USER)
  const hub = clients.hub(contracts.InferenceHub, owner)
  const prover = await InferenceProver.open(guardModel.folder)
  try {
    const { manifest, program } = prover.circuit.folder
    const commitment = {
      ...{ modelHash: toBeHex(manifest.modelCommitment, 32), circuitHash: manifest.circuitId, uri: '' },
      ...{ vkHash: guardModel.verifier.vkHash, proofSystemId: await hub.GROTH16_BN254() },
    }
    const { version } = guardModel
    await (await hub.registerModel(commitment, contracts.AdoptedModel, version, outputSchemaOf(program))).wait()
    const safe = await deploySafe([owner])
    await (await owner.sendTransaction({ to: safe.address, value: 20n * LIMIT })).wait()
    const guard = clients.guard(contracts.SpendingGuard, provider)
    const policy = {
      ...{ modelId: await hub.modelCount(), approvedLabel: 1, margins: true, minMargin: 0 },
      ...{ window: DAY, verdictSeconds: DAY, delay: HOUR },
    }
    const to = contracts.SpendingGuard
    const ask = async (data: string): Promise<void> => void (await (await safe.execute({ to, data })).wait())
    await ask(guard.interface.encodeFunctionData('setLimit', [ZeroAddress, LIMIT]))
    await ask(guard.interface.encodeFunctionData('setPolicy', [policy]))
    const install = safe.interface.encodeFunctionData('setGuard', [to])
    await (await safe.execute({ to: safe.address, data: install })).wait()

    const payee = accountSigner(provider, ACCOUNT.daoMembers[1]).address
    const spend = (value: bigint) => ({ to: payee, value, data: '0x', operation: 0, origin: 0 }) as const
    /** Brings a verdict if the model approves. */
    const judge = async (value: bigint): Promise<boolean> => {
      const question = await askGuard(to, provider, safe.address, spend(value))
      const { reading, proof } = await proveSpend(prover, question.bytes, question.context)
      if (!approves(question, reading)) return false
      await bringVerdict(to, accountSigner(provider, PROVER), question, proof)
      return true
    }
    let verdicts = 0
    if (await judge(2n * LIMIT)) {
      verdicts++
      await (await safe.execute({ to: payee, value: 2n * LIMIT })).wait()
    }
    for (let i = 0; i < 2; i++) await (await safe.execute({ to: payee, value: LIMIT / 4n })).wait()
    if (await judge(3n * LIMIT)) verdicts++
    const announced = await guard.spendHashOf(safe.address, spend(5n * LIMIT))
    await ask(guard.interface.encodeFunctionData('announce', [announced]))
    return verdicts
  } finally {
    await prover.close()
  }
}

/** A proof as the contracts' coders take it. */
function wordsOf({ proof }: InferenceProof) {
  const { a, b, c } = toSolidityProof(proof)
  return { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as {
    a: [bigint, bigint]
    b: [[bigint, bigint], [bigint, bigint]]
    c: [bigint, bigint]
  }
}
