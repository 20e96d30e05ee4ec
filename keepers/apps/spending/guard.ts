// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts for a SpendingGuard: asks the contract for the statement, and brings the proof of it.
import { getBytes, type Provider, type Signer } from 'ethers'
import type { InferenceHub, SpendingGuard } from '../../../types/index.ts'
import { clients, decodeRevert } from '../../chain/index.ts'
import type { Reading } from '../../serving/index.ts'
import { ServingError } from '../../serving/index.ts'
import { type InferenceProof, type InferenceProver, type KeyMetadata, toSolidityProof } from '../../zkml/index.ts'
import { checkedSpend, spendCommitment } from './spend.ts'

/** A transaction of a guarded account (ISpendingGuard.Spend). */
export type GuardedSpend = {
  readonly to: string
  /** Wei. */
  readonly value: bigint
  /** Hexadecimal with 0x. */
  readonly data: string
  /** Call or delegate call. */
  readonly operation: 0 | 1
  /** Index in SPEND_ORIGINS. */
  readonly origin: number
}

/** The statement that a guard requires about a spend, and how it uses the answer. */
export type GuardQuestion = {
  readonly account: string
  readonly spend: GuardedSpend
  /** Tag and features, as the contract computed them. */
  readonly bytes: Uint8Array
  /** Unix seconds of the latest block, to which the features refer. */
  readonly at: number
  readonly modelId: bigint
  readonly version: bigint
  readonly context: bigint
  /** Circuit and key that the hub takes for the model, 32 bytes in hexadecimal. */
  readonly circuitId: string
  readonly vkHash: string
  readonly approvedLabel: number
  readonly margins: boolean
  readonly minMargin: bigint
  /** Unix seconds until which a verdict is valid. */
  readonly validUntil: number
}

/**
 * The statement that `guard` requires before `account` may make `spend`, in the state of one block.
 * @throws ServingError refused with the contract's reason (no policy, no need for a verdict, a withdrawn model);
 * bad-payload when its features differ from those of this release
 */
export async function askGuard(
  guard: string,
  provider: Provider,
  account: string,
  spend: GuardedSpend,
): Promise<GuardQuestion> {
  const contract = clients.guard(guard, provider)
  const block = await provider.getBlock('latest')
  const at = block!.timestamp
  const then = { blockTag: block!.number }
  let hub: InferenceHub | undefined
  try {
    hub = clients.hub(await contract.HUB(then), provider)
    const [{ inForce }, statement, features] = await Promise.all([
      contract.policyOf(account, then),
      contract.statementOf(account, spend, at, then),
      contract.featuresOf(account, spend, at, then),
    ])
    const { circuitId, vkHash } = await hub.modelOf(statement.modelId, then)
    const bytes = checkedSpend(getBytes(features))
    if (spendCommitment(bytes) !== BigInt(statement.inputCommitment)) {
      throw new ServingError('bad-payload', `guard ${guard} commits to other bytes than it shows: not of this release`)
    }
    return {
      ...{ account, spend, bytes, at, circuitId, vkHash },
      modelId: statement.modelId,
      version: statement.version,
      context: statement.context,
      approvedLabel: Number(inForce.approvedLabel),
      margins: inForce.margins,
      minMargin: inForce.minMargin,
      validUntil: at + Number(inForce.verdictSeconds),
    }
  } catch (cause) {
    throw refusal(cause, contract, hub)
  }
}

/**
 * Makes sure that a prover's circuit is the one that the question's model is proven with.
 * @throws ServingError wrong-circuit naming both
 */
export function requireModelOf(
  { circuitId, vkHash, modelId }: GuardQuestion,
  prover: { readonly circuit: InferenceProver['circuit']; readonly metadata: Pick<KeyMetadata, 'vkHash'> },
): void {
  const ours = prover.circuit.folder.manifest.circuitId
  if (ours !== circuitId) {
    throw new ServingError('wrong-circuit', `the guard's model ${modelId} has circuit ${circuitId}, the folder ${ours}`)
  }
  if (prover.metadata.vkHash !== vkHash) {
    throw new ServingError(
      'wrong-circuit',
      `the guard's model ${modelId} is verified with key ${vkHash}, the folder's is ${prover.metadata.vkHash}`,
    )
  }
}

/** Whether the policy approves a reading (SpendingVerdicts._requireFavourable). */
export function approves(question: GuardQuestion, { label, margin }: Reading): boolean {
  const { approvedLabel, margins, minMargin } = question
  return margins && label === approvedLabel && margin >= minMargin
}

/** Brings a verdict; the signer only pays for it. @throws ServingError refused with the contract's reason */
export async function bringVerdict(
  guard: string,
  signer: Signer,
  question: GuardQuestion,
  { proof, publicSignals }: InferenceProof,
): Promise<{ readonly transaction: string; readonly gasUsed: bigint }> {
  const contract = clients.guard(guard, signer)
  const { account, spend, at, version } = question
  const { a, b, c } = toSolidityProof(proof)
  try {
    const sent = await contract.submitVerdict(account, spend, at, version, publicSignals[2]!, {
      a: [...a],
      b: [[...b[0]], [...b[1]]],
      c: [...c],
    })
    const receipt = await sent.wait()
    return { transaction: receipt!.hash, gasUsed: receipt!.gasUsed }
  } catch (cause) {
    throw refusal(cause, contract, clients.hub(await contract.HUB(), signer))
  }
}

function refusal(cause: unknown, guard: SpendingGuard, hub: InferenceHub | undefined): unknown {
  if (cause instanceof ServingError) return cause
  const interfaces = hub === undefined ? [guard.interface] : [guard.interface, hub.interface]
  const reverted = decodeRevert(cause, interfaces, 'guard')
  if (reverted === null) return cause
  return new ServingError('refused', reverted.message, { cause })
}
