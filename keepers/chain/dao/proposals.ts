// SPDX-License-Identifier: GPL-3.0-or-later
// Proposals of the governor: read from its storage, so that no log range of any RPC endpoint matters.
import {
  AbiCoder,
  type ContractTransactionResponse,
  formatEther,
  getAddress,
  id as hashOf,
  type Interface,
  type ParamType,
} from 'ethers'
import type { CohortGovernor } from '../../../types/index.ts'
import { type Clock, steady, systemClock } from '../clock.ts'
import { countOf } from '../count.ts'
import { RevertError } from '../errors.ts'
import { DaoError } from './errors.ts'
import { proposalIdOf, requireProposal } from './proposal-id.ts'
import { type Awaited, isOnTheWay, isReady, type Proposal, type WaitOptions } from './proposal-state.ts'
import type { Sender } from './sender.ts'
import { PROPOSAL_STATES, type ProposalState, type Sent, SUPPORT, type Support } from './terms.ts'

/** One call that the timelock would make. */
export type Call = { readonly target: string; readonly data: string }

/** A contract that proposals may call, to show its calls in words. */
export type KnownContract = { readonly name: string; readonly address: string; readonly abi: Interface }

/** Fewest digits that stand for a proposal. */
const LEAST_DIGITS = 4
/** Milliseconds between looks while waiting. */
const POLL_INTERVAL = 500
/** Milliseconds by which a node's latest block may be behind the time of a block mined now. */
const BLOCK_PATIENCE = 60_000
/** Milliseconds to retry while the node may not have counted the latest votes. */
const VOTES_PATIENCE = 3_000
/** Errors of governor and timelock for a call that comes too early or too late. */
const TOO_EARLY = new Set(['GovernorUnexpectedProposalState', 'TimelockUnexpectedOperationState'])

/** Reads are as of the pending block: a development chain mines no blocks while nothing happens, but time still passes. */
const PENDING = { blockTag: 'pending' } as const

export class ProposalBook {
  readonly #governor: CohortGovernor
  readonly #sender: Sender
  readonly #known: readonly KnownContract[]
  readonly #clock: Clock

  constructor(parts: {
    readonly governor: CohortGovernor
    readonly sender: Sender
    readonly known: readonly KnownContract[]
    readonly clock?: Clock
  }) {
    this.#governor = parts.governor
    this.#sender = parts.sender
    this.#known = parts.known
    this.#clock = parts.clock ?? systemClock
  }

  /** Contracts that are shown by name, and can be called by name. */
  get known(): readonly KnownContract[] {
    return this.#known
  }

  /**
   * Puts calls to the vote, all or none. The description gets a number, because the governor refuses the same proposal twice. It ends with
   * the proposer's address, and the governor then accepts it from nobody else: otherwise somebody who saw it in the mempool could propose
   * it first, and cancel it.
   */
  async propose(calls: readonly Call[], description: string): Promise<Proposal & Sent> {
    const number = (await this.count()) + 1
    const text = `${description} (proposal ${number})#proposer=${await this.#sender.address()}`
    const targets = calls.map(({ target }) => target)
    const values = calls.map(() => 0n)
    const data = calls.map((call) => call.data)
    const sent = await this.#sendProposal(() => this.#governor.propose(targets, values, data, text))
    const id = proposalIdOf([targets, values, data, hashOf(text)])
    return { ...(await this.get(id)), ...sent }
  }

  /**
   * Votes with everything that was delegated to the signer when the vote started.
   * @param pools Stake pools in which the signer has voting shares, in any order.
   */
  async vote(
    id: bigint,
    support: Support,
    reason = '',
    pools: readonly string[] = [],
  ): Promise<Sent & { readonly weight: bigint }> {
    const voter = await this.#sender.address()
    const { voteStart } = await this.#expect(id, 'active')
    const params = namedPools(pools)
    const weight = await this.#governor.getVotesWithParams(voter, voteStart, params, PENDING)
    if (weight === 0n) {
      throw new DaoError(
        'no-votes',
        `${voter} had no votes at ${iso(voteStart)}: delegate (to yourself, too) before a proposal's vote starts`,
      )
    }
    if (await this.#governor.hasVoted(id, voter, PENDING)) {
      throw new DaoError('already-voted', `${voter} has voted on proposal ${id} already`)
    }
    const sent = await this.#sendIn(id, 'active', 'castVoteWithReason', () =>
      pools.length === 0
        ? this.#governor.castVoteWithReason(id, SUPPORT[support], reason)
        : this.#governor.castVoteWithReasonAndParams(id, SUPPORT[support], reason, params),
    )
    return { ...sent, weight }
  }

  /** Puts a proposal that succeeded into the timelock. Anyone may. */
  async queue(id: bigint): Promise<Proposal & Sent> {
    await this.#expect(id, 'succeeded')
    const sent = await this.#sendIn(id, 'succeeded', 'queue', () => this.#governor['queue(uint256)'](id))
    return { ...(await this.get(id)), ...sent }
  }

  /** Executes a queued proposal once the timelock's delay is over. Anyone may. */
  async execute(id: bigint): Promise<Proposal & Sent> {
    const { executableAt } = await this.#expect(id, 'queued')
    const now = await this.now()
    if (executableAt !== null && now < executableAt) {
      throw new DaoError(
        'wrong-state',
        `proposal ${id} can be executed from ${iso(executableAt)}, in ${executableAt - now} s`,
      )
    }
    const sent = await this.#sendIn(id, 'queued', 'execute', () => this.#governor['execute(uint256)'](id))
    return { ...(await this.get(id)), ...sent }
  }

  /** Throws DaoError `unknown-proposal`. */
  async get(id: bigint): Promise<Proposal> {
    if ((await this.#governor.proposalSnapshot(id, PENDING)) === 0n) {
      throw new DaoError('unknown-proposal', `there is no proposal ${id}`)
    }
    const [state, proposer, start, end, eta, votes, details] = await Promise.all([
      this.#governor.state(id, PENDING),
      this.#governor.proposalProposer(id, PENDING),
      this.#governor.proposalSnapshot(id, PENDING),
      this.#governor.proposalDeadline(id, PENDING),
      this.#governor.proposalEta(id, PENDING),
      this.#governor.proposalVotes(id, PENDING),
      this.#governor.proposalDetails(id, PENDING),
    ])
    const [targets, values, calldatas, descriptionHash] = details
    requireProposal(id, [[...targets], [...values], [...calldatas], descriptionHash])
    return {
      id,
      actions: targets.map((target, index) => this.inWords({ target, data: calldatas[index]! }, values[index]!)),
      state: PROPOSAL_STATES[Number(state)]!,
      proposer,
      voteStart: Number(start),
      voteEnd: Number(end),
      executableAt: eta === 0n ? null : Number(eta),
      votes: { against: votes[0], for: votes[1], abstain: votes[2] },
    }
  }

  /** @throws Error for a number that cannot be: a lying endpoint's would make a list without end. */
  async count(): Promise<number> {
    return countOf(await this.#governor.proposalCount(PENDING), 'proposals')
  }

  /**
   * Proposals, oldest first.
   * @param page the last `count` of them, leaving out the newest `skip`; absent: all
   */
  async list(page: { readonly count: number; readonly skip?: number } | null = null): Promise<Proposal[]> {
    const total = await this.count()
    const end = Math.max(0, total - (page?.skip ?? 0))
    const start = page === null ? 0 : Math.max(0, end - page.count)
    const proposals: Proposal[] = []
    for (let index = start; index < end; index++) proposals.push(await this.get(await this.#idAt(index)))
    return proposals
  }

  /**
   * The id that a text names: all of it, or its first digits, at least {@link LEAST_DIGITS}, as long as no other proposal has them.
   * @throws DaoError unknown-proposal
   */
  async find(text: string): Promise<bigint> {
    const id = BigInt(text)
    if (
      text.startsWith('0x') ||
      text.length < LEAST_DIGITS ||
      (await this.#governor.proposalSnapshot(id, PENDING)) > 0n
    ) {
      return id
    }
    const found: bigint[] = []
    for (let index = (await this.count()) - 1; index >= 0; index--) {
      const one = await this.#idAt(index)
      if (String(one).startsWith(text)) found.push(one)
    }
    if (found.length === 1) return found[0]!
    const which = found.length === 0 ? 'no proposal begins' : `${found.length} proposals begin`
    throw new DaoError('unknown-proposal', `${which} with ${text}: \`cohort dao status\` lists them`)
  }

  async #idAt(index: number): Promise<bigint> {
    return (await this.#governor.proposalDetailsAt(index, PENDING))[0]
  }

  /**
   * Waits until the proposal can be voted on, queued or executed. Throws DaoError `wrong-state` as soon as that cannot
   * happen any more, `timeout`, or the signal's reason.
   */
  async waitFor(id: bigint, wanted: Awaited, options: WaitOptions): Promise<Proposal> {
    const giveUp = steady(this.#clock) + options.timeout
    let last: ProposalState | undefined
    for (;;) {
      options.signal?.throwIfAborted()
      const proposal = await this.get(id)
      if (proposal.state !== last) options.onState?.(proposal)
      last = proposal.state
      if (isReady(proposal, wanted, await this.now())) return proposal
      if (!isOnTheWay(proposal, wanted)) throw wrongState(proposal, wanted)
      if (steady(this.#clock) >= giveUp) {
        throw new DaoError('timeout', `proposal ${id} is still ${proposal.state} after ${options.timeout / 1000} s`)
      }
      await this.#clock.sleep(POLL_INTERVAL, options.signal)
    }
  }

  /** The governor's clock: Unix seconds of the block that would be mined now. */
  async now(): Promise<number> {
    return Number(await this.#governor.clock(PENDING))
  }

  /** Votes count from the second after they were delegated; a node may still be in that second. */
  async #sendProposal(call: () => Promise<ContractTransactionResponse>): Promise<Sent> {
    const giveUp = steady(this.#clock) + VOTES_PATIENCE
    for (;;) {
      try {
        return await this.#sender.send('propose', call)
      } catch (error) {
        const { cause } = error as Error
        const tooFew = cause instanceof RevertError && cause.error === 'GovernorInsufficientProposerVotes'
        if (!tooFew || steady(this.#clock) >= giveUp) throw error
      }
      await this.#clock.sleep(POLL_INTERVAL)
    }
  }

  /**
   * Sends the transaction that the proposal's state allows now. Most nodes estimate gas as of their latest block, which may be too early
   * for the call. It is then tried again until a later block arrives.
   */
  async #sendIn(
    id: bigint,
    state: ProposalState,
    what: string,
    call: () => Promise<ContractTransactionResponse>,
  ): Promise<Sent> {
    const giveUp = steady(this.#clock) + BLOCK_PATIENCE
    for (;;) {
      try {
        return await this.#sender.send(what, call)
      } catch (error) {
        const { cause } = error as Error
        if (!(cause instanceof RevertError && TOO_EARLY.has(cause.error)) || steady(this.#clock) >= giveUp) throw error
      }
      await this.#expect(id, state)
      await this.#clock.sleep(POLL_INTERVAL)
    }
  }

  async #expect(id: bigint, wanted: ProposalState): Promise<Proposal> {
    const proposal = await this.get(id)
    if (proposal.state !== wanted) throw wrongState(proposal, wanted)
    return proposal
  }

  /** A call in words, on one line. */
  inWords({ target, data }: Call, value = 0n): string {
    const known = this.#known.find(({ address }) => address === getAddress(target))
    const sent = value === 0n ? '' : ` with ${formatEther(value)} ether`
    if (known === undefined) return `${target} ${data}${sent}`
    return `${known.name}${decoded(known.abi, data) ?? ` ${data}`}${sent}`
  }
}

/** A call by its name. Null for calldata that does not decode in full: a proposer's malformed bytes must not hide the other proposals. */
function decoded(abi: Interface, data: string): string | null {
  try {
    const call = abi.parseTransaction({ data })
    if (call === null) return null
    const args = call.fragment.inputs.map((input, i) => inWords(call.args[i], input))
    return `.${call.name}(${args.join(', ')})`
  } catch {
    return null
  }
}

/**
 * Shows lists and structs in brackets and texts in quotes, so that a proposer cannot make one argument look like several, or like output of
 * this program.
 */
function inWords(value: unknown, type: ParamType): string {
  if (!Array.isArray(value)) return type.type === 'string' ? JSON.stringify(value) : String(value)
  const typeOf = (i: number): ParamType => type.arrayChildren ?? type.components![i]!
  return `[${value.map((item: unknown, i) => inWords(item, typeOf(i))).join(', ')}]`
}

function wrongState(proposal: Proposal, wanted: string): DaoError {
  const { id, state, voteStart, voteEnd } = proposal
  const when: Partial<Record<ProposalState, string>> = {
    pending: `; voting starts at ${iso(voteStart)}`,
    active: `; voting ends at ${iso(voteEnd)}`,
  }
  return new DaoError('wrong-state', `proposal ${id} is ${state}, not ${wanted}${when[state] ?? ''}`)
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** The pools as the governor wants them: ascending, each once. */
function namedPools(pools: readonly string[]): string {
  if (pools.length === 0) return '0x'
  const sorted = [...new Set(pools.map((pool) => getAddress(pool)))].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
  return AbiCoder.defaultAbiCoder().encode(['address[]'], [sorted])
}
