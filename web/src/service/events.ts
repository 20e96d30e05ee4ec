// SPDX-License-Identifier: GPL-3.0-or-later
// The log of a learning service as what a person asks of it: its rounds, its epochs, and what became of each keeper.
import { decodeBytes32String, type Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'

export const STATES = [
  'Registration',
  'KeyCommit',
  'KeyReveal',
  'KeyConfirm',
  'KeyJudge',
  'Training',
  'Reveal',
  'Aggregate',
  'Check',
  'Decrypt',
  'Vote',
] as const
export type State = (typeof STATES)[number]

/** One round, as far as it came. */
export type Round = {
  readonly round: number
  readonly epoch: number
  /** Block of its first event. */
  readonly block: number
  committed: number
  revealed: number
  attested: number
  shares: number
  votes: number
  /** Samples that its members declared. */
  samples: number
  /** Its version; null while it runs, and for a round without a majority. */
  version: number | null
  /** Binary, in hexadecimal. */
  cid: string | null
  commitment: string | null
  disputed: boolean
  over: boolean
}

export type Penalty = {
  readonly block: number
  readonly epoch: number
  readonly seat: number
  readonly keeper: string
  readonly reason: string
  /** Units of 1e-18 token. */
  readonly taken: bigint
  readonly transactionHash: string
}

export type Epoch = {
  readonly epoch: number
  readonly block: number
  readonly members: bigint
  readonly quorum: number
  readonly threshold: number
}

/** What happened to one keeper, for its page. */
export type KeeperEvent = { readonly block: number; readonly text: string; readonly transactionHash: string }

export type ServiceStory = {
  readonly rounds: readonly Round[]
  readonly epochs: readonly Epoch[]
  readonly penalties: readonly Penalty[]
  /** By owner's address. */
  readonly keepers: ReadonlyMap<string, readonly KeeperEvent[]>
}

/** The reason of a penalty in words. */
function reasonOf(word: string): string {
  try {
    return decodeBytes32String(word).toLowerCase().replaceAll('_', ' ')
  } catch {
    return word
  }
}

/** Tells the story of a service from its log. Logs of other kinds, and those that do not parse, are left out. */
export function tellStory(
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('ILearningService'),
): ServiceStory {
  const rounds = new Map<number, Round>()
  const epochs: Epoch[] = []
  const penalties: Penalty[] = []
  const keepers = new Map<string, KeeperEvent[]>()
  let epoch = 0
  const roundOf = (number: unknown, block: number): Round => {
    const round = Number(number)
    const known = rounds.get(round)
    if (known !== undefined) return known
    const made: Round = {
      ...{ round, epoch, block, committed: 0, revealed: 0, attested: 0, shares: 0, votes: 0, samples: 0 },
      ...{ version: null, cid: null, commitment: null, disputed: false, over: false },
    }
    rounds.set(round, made)
    return made
  }
  for (const { block, topics, data, transactionHash } of logs) {
    const event = abi.parseLog({ topics, data })
    if (event === null) continue
    const { args } = event
    const about = (text: string): void => {
      const keeper = String(args.keeper)
      keepers.set(keeper, [...(keepers.get(keeper) ?? []), { block, text, transactionHash }])
    }
    switch (event.name) {
      case 'EpochOpened':
        epoch = Number(args.epoch)
        epochs.push({
          ...{ epoch, block, members: BigInt(args.members) },
          ...{ quorum: Number(args.quorum), threshold: Number(args.decryptionThreshold) },
        })
        break
      case 'UpdateCommitted':
        roundOf(args.round, block).committed++
        break
      case 'UpdateRevealed': {
        const round = roundOf(args.round, block)
        round.revealed++
        round.samples += Number(args.samples)
        break
      }
      case 'AggregateAttested':
        roundOf(args.round, block).attested++
        break
      case 'UpdateDisputed':
        roundOf(args.round, block).disputed = true
        break
      case 'ShareSubmitted':
        roundOf(args.round, block).shares++
        break
      case 'ModelVoted':
        roundOf(args.round, block).votes++
        break
      case 'UpdateCompleted': {
        const round = roundOf(args.round, block)
        round.version = Number(args.versionId)
        round.cid = String(args.cid)
        round.commitment = String(args.modelCommitment)
        round.over = true
        break
      }
      case 'UpdateIncomplete':
        roundOf(args.round, block).over = true
        break
      case 'Penalised': {
        const reason = reasonOf(String(args.reason))
        const { epoch: of, seat, keeper, taken } = args
        penalties.push({
          ...{ block, epoch: Number(of), seat: Number(seat), keeper: String(keeper) },
          ...{ reason, taken: BigInt(taken), transactionHash },
        })
        about(`penalised: ${reason}`)
        break
      }
      case 'Joined':
        about(`took seat ${args.seat}`)
        break
      case 'Left':
        about(`left seat ${args.seat}`)
        break
      case 'LeaveRequested':
        about(`asked to leave seat ${args.seat} when the epoch ends`)
        break
      case 'Dropped':
        about(args.penalised ? `dropped from epoch ${args.epoch}` : `dropped from epoch ${args.epoch}, without fault`)
        break
      case 'StruckOut':
        about(`struck out of seat ${args.seat} for missed rounds`)
        break
      case 'Banned':
        about('banned by the DAO')
        break
      case 'Unbanned':
        about('let back by the DAO')
        break
    }
  }
  return { rounds: [...rounds.values()].sort((a, b) => a.round - b.round), epochs, penalties, keepers }
}
