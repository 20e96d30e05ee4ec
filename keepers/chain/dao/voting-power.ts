// SPDX-License-Identifier: GPL-3.0-or-later
// Delegates the votes of tokens and stake, and counts them.
import { getAddress } from 'ethers'
import type { CohortToken, KeeperRegistry } from '../../../types/index.ts'
import type { Sender } from './sender.ts'
import type { Sent } from './terms.ts'

/** The last transaction of a delegation, and the delegatee's voting power after it. */
export type Delegated = Sent & { readonly to: string; readonly votes: bigint }

/** An account's tokens and votes, in units of 1e-18 token. */
export type Power = { readonly balance: bigint; readonly votes: bigint; readonly delegate: string }

export class VotingPower {
  readonly #token: CohortToken
  readonly #keepers: KeeperRegistry
  readonly #sender: Sender

  constructor(token: CohortToken, keepers: KeeperRegistry, sender: Sender) {
    this.#token = token
    this.#keepers = keepers
    this.#sender = sender
  }

  /**
   * Makes the signer's tokens count as votes of `to`; of the signer, when absent. A keeper's stake follows. Stake votes for its owner
   * from the start, so it takes a transaction only when its delegatee changes.
   */
  async delegate(to?: string): Promise<Delegated> {
    const signer = getAddress(await this.#sender.address())
    const delegatee = getAddress(to ?? signer)
    const [voting, registered] = await Promise.all([
      this.#keepers.delegates(signer),
      this.#keepers.isRegistered(signer),
    ])
    if (registered && voting !== delegatee) {
      await this.#sender.send('delegate', () => this.#keepers.delegate(delegatee))
    }
    const sent = await this.#sender.send('delegate', () => this.#token.delegate(delegatee))
    return { ...sent, to: delegatee, votes: await this.#votesOf(delegatee) }
  }

  /** Balance and votes of `account`, in units of 1e-18 token; stake votes for its owner. */
  async of(account: string): Promise<Power> {
    const [balance, votes, delegate] = await Promise.all([
      this.#token.balanceOf(account),
      this.#votesOf(account),
      this.#token.delegates(account),
    ])
    return { balance, votes, delegate }
  }

  /** Votes of tokens and of stake, as the governor adds them. */
  async #votesOf(account: string): Promise<bigint> {
    const [tokens, stake] = await Promise.all([this.#token.getVotes(account), this.#keepers.getVotes(account)])
    return tokens + stake
  }
}
