// SPDX-License-Identifier: GPL-3.0-or-later
// The log of a learning service as what a person asks of it: its rounds, its epochs, and what became of each keeper.
import { decodeBytes32String, type Interface } from 'ethers'
import { STATES } from '../../../keepers/agent/states.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { counterOf, type RoundCounts, wordOf } from './counts.ts'

/** One round, as far as it came. */
export type Round = {
  readonly round: number
  readonly epoch: number
  /** Block of its first event. */
  readonly block: number
  /** Block in which its result was recorded; null while it runs, and for a round that was abandoned. */
  resultBlock: number | null
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
  /** It is not running: it has a version, or will never have one. */
  over: boolean
  /** Its members voted, and no candidate had a quorum. */
  noMajority: boolean
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

/** What a completed round set aside. */
export type Reward = {
  readonly round: number
  /** Units of 1e-18 token. */
  readonly perShare: bigint
  readonly shares: bigint
}

export type ServiceStory = {
  readonly rounds: readonly Round[]
  readonly rewards: readonly Reward[]
  /** Units of 1e-18 token that each keeper collected, by owner's address. */
  readonly collected: ReadonlyMap<string, bigint>
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

/** Of Transitioned, of which a round has half a dozen: where the state that begins is among the topics, and the round in the data. */
const [TO_TOPIC, ROUND_WORD] = [2, 1]

/** What is known after some of the logs; goes on with the next ones. */
class Teller {
  readonly #abi: Interface
  readonly #counterOf: ReturnType<typeof counterOf>
  readonly #transitioned: string
  readonly #rounds = new Map<number, Round>()
  readonly #epochs: Epoch[] = []
  readonly #penalties: Penalty[] = []
  readonly #rewards: Reward[] = []
  readonly #collected = new Map<string, bigint>()
  readonly #keepers = new Map<string, KeeperEvent[]>()
  #epoch = 0
  /** The round that runs, as the last transition says. */
  #running: number | null = null

  constructor(abi: Interface) {
    this.#abi = abi
    this.#transitioned = abi.getEvent('Transitioned')!.topicHash
    this.#counterOf = counterOf(abi)
  }

  /** Another one that knows the same, and goes its own way. */
  copy(): Teller {
    const copy = new Teller(this.#abi)
    for (const [number, round] of this.#rounds) copy.#rounds.set(number, { ...round })
    for (const [keeper, events] of this.#keepers) copy.#keepers.set(keeper, [...events])
    for (const epoch of this.#epochs) copy.#epochs.push(epoch)
    for (const penalty of this.#penalties) copy.#penalties.push(penalty)
    for (const reward of this.#rewards) copy.#rewards.push(reward)
    for (const [keeper, amount] of this.#collected) copy.#collected.set(keeper, amount)
    copy.#epoch = this.#epoch
    copy.#running = this.#running
    return copy
  }

  /** The story so far; later logs do not change it when they are told to a {@link copy}. */
  get story(): ServiceStory {
    const rounds = [...this.#rounds.values()].sort((a, b) => a.round - b.round)
    for (const round of rounds) round.over ||= round.round !== this.#running
    return {
      ...{ rounds, epochs: this.#epochs, penalties: this.#penalties, keepers: this.#keepers },
      ...{ rewards: this.#rewards, collected: this.#collected },
    }
  }

  tell(log: StoredLog): void {
    const { block, topics, data, transactionHash } = log
    const counting = this.#counterOf(log)
    if (counting !== null) {
      const round = this.#roundOf(counting.round, block)
      round[counting.counter]++
      round.samples += counting.samples
      return
    }
    if (topics[0] === this.#transitioned) {
      const to = Number(topics[TO_TOPIC])
      this.#running = to >= STATES.indexOf('Training') ? wordOf(data, ROUND_WORD) : null
      return
    }
    const event = readLog(this.#abi, log)
    if (event === null) return
    const { args } = event
    const about = (text: string): void => {
      const keeper = String(args.keeper)
      const known = this.#keepers.get(keeper)
      const happened = { block, text, transactionHash }
      if (known === undefined) this.#keepers.set(keeper, [happened])
      else known.push(happened)
    }
    switch (event.name) {
      case 'EpochOpened':
        this.#epoch = Number(args.epoch)
        this.#epochs.push({
          ...{ epoch: this.#epoch, block, members: BigInt(args.members) },
          ...{ quorum: Number(args.quorum), threshold: Number(args.decryptionThreshold) },
        })
        break
      case 'UpdateDisputed':
        this.#roundOf(args.round, block).disputed = true
        break
      case 'UpdateCompleted': {
        const round = this.#roundOf(args.round, block)
        round.version = Number(args.versionId)
        round.cid = String(args.cid)
        round.commitment = String(args.modelCommitment)
        round.over = true
        round.resultBlock = block
        break
      }
      case 'UpdateIncomplete': {
        const round = this.#roundOf(args.round, block)
        round.noMajority = true
        round.over = true
        round.resultBlock = block
        break
      }
      case 'Penalised': {
        const reason = reasonOf(String(args.reason))
        const { epoch: of, seat, keeper, taken } = args
        this.#penalties.push({
          ...{ block, epoch: Number(of), seat: Number(seat), keeper: String(keeper) },
          ...{ reason, taken: BigInt(taken), transactionHash },
        })
        about(`penalised: ${reason}`)
        break
      }
      case 'RoundRewarded':
        this.#rewards.push({ round: Number(args.round), perShare: args.perShare, shares: args.totalShares })
        break
      case 'RewardCollected': {
        const keeper = String(args.keeper)
        this.#collected.set(keeper, (this.#collected.get(keeper) ?? 0n) + BigInt(args.amount))
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

  /** Takes the steps of a round that somebody else counted. */
  take({ round: number, block, index: _, ...counts }: RoundCounts): void {
    Object.assign(this.#roundOf(number, block), counts)
  }

  #roundOf(number: unknown, block: number): Round {
    const round = Number(number)
    const known = this.#rounds.get(round)
    if (known !== undefined) return known
    const made: Round = {
      ...{
        round,
        epoch: this.#epoch,
        block,
        resultBlock: null,
        committed: 0,
        revealed: 0,
        attested: 0,
        shares: 0,
        votes: 0,
        samples: 0,
      },
      ...{ version: null, cid: null, commitment: null, disputed: false, over: false, noMajority: false },
    }
    this.#rounds.set(round, made)
    return made
  }
}

/** By the array of settled logs, which only grows: how many of them were told, and to whom. */
const tellers = new WeakMap<object, { count: number; readonly teller: Teller }>()

/** What went before the logs: steps that are counted already, and the other logs. */
export type StoryBase = { readonly counts: readonly RoundCounts[]; readonly logs: readonly StoredLog[] }

/** Knows the beginning of a story, told in the order of the chain. */
function begun(abi: Interface, { counts, logs }: StoryBase): Teller {
  const teller = new Teller(abi)
  const all = [
    ...counts.map((one) => ({ block: one.block, index: one.index, tell: () => teller.take(one) })),
    ...logs.map((one) => ({ block: one.block, index: one.index, tell: () => teller.tell(one) })),
  ]
  for (const { tell } of all.sort((a, b) => a.block - b.block || a.index - b.index)) tell()
  return teller
}

/** Tells the story of a service from its log. Settled logs are read once, the recent ones again each time. Logs of other kinds are left out. */
export function tellStory(
  { settled, recent }: { readonly settled: readonly StoredLog[]; readonly recent: readonly StoredLog[] },
  abi: Interface = contractInterface('ILearningService'),
  base: StoryBase = { counts: [], logs: [] },
): ServiceStory {
  const known = tellers.get(settled) ?? { count: 0, teller: begun(abi, base) }
  tellers.set(settled, known)
  while (known.count < settled.length) known.teller.tell(settled[known.count++]!)
  const now = known.teller.copy()
  for (const log of recent) now.tell(log)
  return now.story
}
