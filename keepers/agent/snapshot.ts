// SPDX-License-Identifier: GPL-3.0-or-later
import type { ILearningService } from '../../types/index.ts'
import { STATES, type StateName } from './states.ts'

/** What the chain says at one block. */
export type Snapshot = {
  readonly block: number
  /** Unix seconds of the block. */
  readonly time: number
  readonly state: StateName
  readonly epoch: number
  readonly round: number
  /** Unix seconds at which the state's window ends. */
  readonly end: number
  /** The clock has decided what nobody has recorded: epoch and round details below are those before it. */
  readonly due: boolean
  readonly epochInfo: {
    readonly epoch: number
    readonly members: bigint
    readonly threshold: number
    readonly quorum: number
    readonly crsSeed: string
    readonly keyHash: string
    /** Bitmap of the members that are not drafted in this epoch any more. */
    readonly undraftable: bigint
  }
  /** Bitmaps of the round `round`; all empty when the recorded round is another. */
  readonly roundInfo: {
    readonly committed: bigint
    readonly revealed: bigint
    /** Members with an attestation that counts; after the draft, those whose seals matched. */
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

/** Reads everything at one block, so that the parts belong together. */
export async function takeSnapshot(service: ILearningService, block: number, time: number): Promise<Snapshot> {
  const at = { blockTag: block }
  const [clock, due, epochInfo, roundInfo, keyInfo, seats] = await Promise.all([
    service.clock(at),
    service.isDue(at),
    service.epochInfo(at),
    service.roundInfo(at),
    service.keyInfo(at),
    service.seats(at),
  ])
  const round = Number(clock.currentRound)
  const sameRound = Number(roundInfo.round) === round
  const ofRound = (bitmap: bigint): bigint => (sameRound ? bitmap : 0n)
  return {
    block,
    time,
    state: STATES[Number(clock.current)]!,
    epoch: Number(clock.currentEpoch),
    round,
    end: Number(clock.end),
    due,
    epochInfo: {
      epoch: Number(epochInfo.epoch),
      members: epochInfo.members,
      threshold: Number(epochInfo.decryptionThreshold),
      quorum: Number(epochInfo.quorum),
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
    seated: seats.seated,
  }
}
