// SPDX-License-Identifier: GPL-3.0-or-later
// A member's answer to an ensemble's question, proven in the page and handed in from the visitor's wallet.
import { AbiCoder, id, keccak256 } from 'ethers'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { type HubModel, listHubModels } from '../model/hub-models.ts'
import { contextOf, directRequestId, type LoadProgress, loadCircuit } from '../model/proof.ts'
import { openVersion } from '../model/versions.ts'
import { send } from '../ui/send.ts'
import type { AskedQuestion } from './events.ts'
import type { KnownInput } from './known-inputs.ts'

/** EnsembleOracle.NONCE_DOMAIN */
const NONCE_DOMAIN = id('cohort.ensemble.nonce.v1')

/** What a member's proof is bound to, as EnsembleOracle.statementOf has it. Computed here: an endpoint could name its owner as submitter. */
export function memberContext(bound: {
  readonly chainId: number
  readonly hub: string
  readonly oracle: string
  readonly questionId: bigint
  readonly member: number
  readonly submitter: string
  readonly modelId: bigint
  readonly version: number
  /** Of the question. */
  readonly deadline: number
}): bigint {
  const { oracle, questionId, member, submitter } = bound
  const types = ['bytes32', 'uint256', 'uint256', 'address']
  const nonce = keccak256(AbiCoder.defaultAbiCoder().encode(types, [NONCE_DOMAIN, questionId, member, submitter]))
  return contextOf({ ...bound, caller: oracle, requestId: directRequestId(oracle, nonce) })
}

/** The hub's models that this page can prove, by id. */
export async function provableModels(connection: Connection): Promise<ReadonlyMap<bigint, HubModel>> {
  const models = await listHubModels(connection)
  return new Map(
    models.filter(({ circuit, version }) => circuit !== null && version !== null).map((one) => [one.modelId, one]),
  )
}

/**
 * Proves what a member says, and hands it in.
 * @returns what to tell the visitor
 * @throws Error for a member that rounds inputs otherwise than the one by which the question's commitment was made; what proving and sending throw
 */
export async function answerFor(
  connection: Connection,
  {
    question,
    member,
    hubModel,
  }: { readonly question: AskedQuestion; readonly member: number; readonly hubModel: HubModel },
  { input, salt }: KnownInput,
  submitter: string,
  { onProgress, signal }: { readonly onProgress: LoadProgress; readonly signal: AbortSignal },
): Promise<string> {
  const { chainId, contracts } = connection.site.deployment
  const { questionId, deadline, inputCommitment } = question
  const { modelId, service } = hubModel
  const version = hubModel.version!
  const model = await openVersion(connection, service, version)
  await loadCircuit(model, hubModel, onProgress, signal)
  const { EnsembleOracle: oracle, InferenceHub: hub } = contracts
  const bound = { chainId, hub, oracle, questionId, member, submitter, modelId, version, deadline }
  const { proof, publicSignals } = await model.prove(input, memberContext(bound), salt)
  const [, commitment, output] = publicSignals
  if (commitment !== BigInt(inputCommitment))
    throw new Error(
      `member ${member} rounds the input to other numbers than the question's: it cannot answer the question`,
    )
  const words = { a: [...proof.a], b: [[...proof.b[0]], [...proof.b[1]]], c: [...proof.c] } as {
    a: [bigint, bigint]
    b: [[bigint, bigint], [bigint, bigint]]
    c: [bigint, bigint]
  }
  const abis = ['EnsembleOracle', 'InferenceHub', 'VerifierRegistry'] as const
  return await send(connection, `member ${member} answered`, abis.map(contractInterface), (signer) =>
    clients.ensembles(oracle, signer).answer(questionId, member, inputCommitment, version, output!, words),
  )
}
