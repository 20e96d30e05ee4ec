// SPDX-License-Identifier: GPL-3.0-or-later
import type { ILearningService } from '../../types/index.ts'
import { STATES, type StateName } from './states.ts'

/** The state of the service and of this keeper at one block. */
export type Snapshot = {
  readonly block: number
  /** Unix seconds of the block. */
  readonly time: number
  readonly state: StateName
  readonly epoch: number
  readonly round: number
  /** Unix seconds at which the state's window ends. */
  readonly end: number
  /** A transition is due that nobody has recorded: the details of epoch and round below are those before it. */
  readonly due: boolean
  readonly epochInfo: {
    readonly epoch: number
    readonly members: bigint
    readonly threshold: number
    readonly quorum: number
    /** Decryptions that the epoch's key has served. */
    readonly decryptions: number
    readonly crsSeed: string
    readonly keyHash: string
    /** Bitmap of the members that are not drafted in this epoch any more. */
    readonly undraftable: bigint
  }
  /** Bitmaps of the round `round`; all empty when the recorded round is another. */
  readonly roundInfo: {
    readonly committed: bigint
    readonly revealed: bigint
    /** Members with a valid attestation; after the draft, only the members with matching seals. */
    readonly attesters: bigint
    readonly included: bigint
    readonly drafted: bigint
    readonly shared: bigint
    /** Members that have answered a dispute. */
    readonly checked: bigint
    /** The previous round, while its ballots are open for late agreement; else 0. */
    readonly lateRound: number
  }
  /** Members that contribute nothing for now: convicted in this epoch, or the most suspect. */
  readonly leftOut: bigint
  readonly keyInfo: {
    readonly committed: bigint
    readonly revealed: bigint
    readonly spoken: bigint
    readonly judged: bigint
  }
  /** Taken seats, members or waiting. */
  readonly seated: bigint
}

/** The contract's value for "no seat". */
const NO_SEAT = 0xffff

/** Reads everything at one block, and the operator's seat or null, in one call. @param time Unix seconds of the block */
export async function takeSnapshot(
  service: Pick<ILearningService, 'snapshot'>,
  operator: string,
  block: number,
  time: number,
): Promise<{ readonly snapshot: Snapshot; readonly seat: number | null }> {
  const found = await service.snapshot(operator, { blockTag: block })
  const { epoch: epochInfo, round: roundInfo, key: keyInfo } = found
  const round = Number(found.currentRound)
  const sameRound = Number(roundInfo.round) === round
  const ofRound = (bitmap: bigint): bigint => (sameRound ? bitmap : 0n)
  const snapshot: Snapshot = {
    block,
    time,
    state: STATES[Number(found.current)]!,
    epoch: Number(found.currentEpoch),
    round,
    end: Number(found.end),
    due: found.due,
    epochInfo: {
      epoch: Number(epochInfo.epoch),
      members: epochInfo.members,
      threshold: Number(epochInfo.decryptionThreshold),
      quorum: Number(epochInfo.quorum),
      decryptions: Number(epochInfo.decryptions),
      crsSeed: epochInfo.crsSeed,
      keyHash: epochInfo.keyHash,
      undraftable: epochInfo.undraftable,
    },
    roundInfo: {
      committed: ofRound(roundInfo.committed),
      revealed: ofRound(roundInfo.revealed),
      attesters: ofRound(roundInfo.attesters),
      included: ofRound(roundInfo.included),
      drafted: ofRound(roundInfo.drafted),
      shared: ofRound(roundInfo.shared),
      checked: ofRound(roundInfo.checked),
      lateRound: sameRound ? Number(roundInfo.lateRound) : 0,
    },
    leftOut: roundInfo.leftOut,
    keyInfo: {
      committed: keyInfo.committed,
      revealed: keyInfo.revealed,
      spoken: keyInfo.spoken,
      judged: keyInfo.judged,
    },
    seated: found.seated,
  }
  return { snapshot, seat: Number(found.seat) === NO_SEAT ? null : Number(found.seat) }
}
