// SPDX-License-Identifier: GPL-3.0-or-later
// A round from training to the candidate with the keeper's own behaviours, a stage for each member: the chain's part, which is to hand
// on what they send, is played here.
import { expect } from 'chai'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { decrypt } from '../../../keepers/agent/behaviours/decrypt.ts'
import { reveal } from '../../../keepers/agent/behaviours/reveal.ts'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import type { ModelState } from '../../../keepers/agent/models.ts'
import { lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { candidateOf } from '../../../keepers/agent/steps/candidate.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { cidHex } from '../../../keepers/network/cid.ts'
import { cidOfBytes, type RoundStage, seatOfIndex } from './round-stage.ts'

/** Stands for the blob of every model. */
const CID = cidOfBytes(Uint8Array.of(1))

/** What a keeper begins a round with, and what its candidate is kept in. */
export function giveModel(stage: RoundStage, before: ModelState): { next: ModelState | null } {
  const kept: { next: ModelState | null } = { next: null }
  const model = {
    state: async () => ({ weights: before.weights.slice(), moments: before.moments.map((each) => each.slice()) }),
    accepted: { round: stage.snapshot.round - 1, cid: CID },
    publish: async (next: ModelState) => {
      kept.next = next
      return { cid: CID, commitment: `0x${'01'.repeat(32)}` }
    },
  }
  const registry = { getAddress: async () => `0x${'11'.repeat(20)}` }
  Object.assign(stage.context, { model, contracts: { ...stage.context.contracts, registry } })
  const { send } = stage.context.queue
  // The renewal of an encryption key is the registry's.
  const ours: typeof send = async (request, signal) =>
    request.to.startsWith('0x1111')
      ? ({ gasUsed: 1n, blockNumber: 1, blockHash: '0x01' } as never)
      : send(request, signal)
  Object.assign(stage.context.queue, { send: ours })
  return kept
}

/** The members accepted what came of the round. */
export function acceptAll(stages: readonly RoundStage[]): void {
  for (const stage of stages) {
    const { round } = stage.snapshot
    stage.tell('UpdateCompleted', { round, cid: cidHex(CID), modelCommitment: '0x01', versionId: BigInt(round) })
  }
}

const argsOf = (stage: RoundStage, method: string) => stage.sent.findLast((sent) => sent.method === method)?.args

/** Each member trains, commits, reveals; all events and blobs are shared. Returns the declared samples by member. */
export async function trainAll(stages: readonly RoundStage[]): Promise<number[]> {
  const all = bitmapOf(stages.map((_, index) => seatOfIndex(index)))
  const declared: number[] = []
  for (const stage of stages) {
    expect(await training(stage.step({ state: 'Training' }))).to.equal('done')
    expect(argsOf(stage, 'commitUpdate')).to.have.length(2)
    const roundInfo = { ...stage.snapshot.roundInfo, committed: all }
    expect(await reveal(stage.step({ state: 'Reveal', roundInfo }))).to.equal('done')
  }
  for (const [member, stage] of stages.entries()) {
    const [round, cid, size, samples] = argsOf(stage, 'revealUpdate') as [bigint, string, bigint, bigint]
    declared.push(Number(samples))
    for (const other of stages) {
      other.tell('UpdateRevealed', {
        ...{ round: Number(round), seat: seatOfIndex(member) },
        ...{ cid, size: BigInt(size), samples: Number(samples) },
      })
    }
  }
  for (const stage of stages)
    for (const [cid, bytes] of stage.blobs) for (const other of stages) other.blobs.set(cid, bytes)
  return declared
}

/** The sum, a draft of the first members, their shares. */
export async function decryptAll(stages: readonly RoundStage[], threshold: number): Promise<void> {
  const all = bitmapOf(stages.map((_, index) => seatOfIndex(index)))
  const drafted = bitmapOf(Array.from({ length: threshold }, (_, index) => seatOfIndex(index)))
  for (const stage of stages) {
    const roundInfo = { ...stage.snapshot.roundInfo, committed: all, revealed: all }
    stage.snapshot = { ...stage.snapshot, roundInfo }
    await aggregate(stage.step({ state: 'Aggregate' }))
    const attested = lastAttested(stage.step())!
    const { hash: aggregateHash, included, convicted } = attested
    const { round } = stage.snapshot
    stage.tell('MembersDrafted', { round, drafted, aggregateHash, included, convicted, attesters: all })
    const decrypting = { ...roundInfo, attesters: all, drafted, included }
    stage.snapshot = { ...stage.snapshot, roundInfo: decrypting }
    await decrypt(stage.step({ state: 'Decrypt' }))
  }
  for (const [member, stage] of stages.slice(0, threshold).entries()) {
    const [round, cid, size] = argsOf(stage, 'submitShare') as [bigint, string, bigint]
    for (const [name, bytes] of stage.blobs) for (const other of stages) other.blobs.set(name, bytes)
    for (const other of stages) {
      other.tell('ShareSubmitted', { round: Number(round), seat: seatOfIndex(member), cid, size: BigInt(size) })
    }
  }
}

/** What a member makes of the decrypted mean. */
export function judge(stage: RoundStage) {
  return candidateOf(stage.step({ state: 'Vote' }), stage.snapshot.round)
}
