// SPDX-License-Identifier: GPL-3.0-or-later
// Proven inferences about the versions of a service, and the members that voted for a version.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'

/** A request that was answered with a proof, about one version. */
export type ProvenInference = {
  readonly modelId: bigint
  readonly version: number
  readonly output: bigint
  readonly prover: string
  readonly block: number
  readonly transactionHash: string
}

/**
 * Answers with proofs about one version of a service.
 * @param logs of the inference hub
 * @param models of the hub that offer this service
 */
export function provenAbout(
  logs: readonly StoredLog[],
  models: ReadonlySet<bigint>,
  version: number,
  abi: Interface = contractInterface('InferenceHub'),
): readonly ProvenInference[] {
  const found: ProvenInference[] = []
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event?.name !== 'InferenceFulfilled') continue
    const { modelId, version: about, output, prover } = event.args
    if (!models.has(modelId) || Number(about) !== version) continue
    const { block, transactionHash } = log
    found.push({ modelId, version, output, prover, block, transactionHash })
  }
  return found
}

export type Vote = {
  readonly seat: number
  readonly commitment: string
  readonly block: number
  readonly transactionHash: string
}

/** The votes of one round. @param logs of the service */
export function votesOf(
  logs: readonly StoredLog[],
  round: number,
  abi: Interface = contractInterface('ILearningService'),
): readonly Vote[] {
  const voted = abi.getEvent('ModelVoted')!.topicHash
  return logs
    .filter(({ topics }) => topics[0] === voted && Number(topics[1]) === round)
    .map((log) => ({ log, event: readLog(abi, log) }))
    .filter(({ event }) => event !== null)
    .map(({ log: { block, transactionHash }, event }) => ({
      ...{ seat: Number(event!.args.seat), commitment: String(event!.args.modelCommitment), block, transactionHash },
    }))
}
