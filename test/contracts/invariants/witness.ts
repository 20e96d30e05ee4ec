// SPDX-License-Identifier: GPL-3.0-or-later
// What the events of a service and its registry say has happened.

import type { Interface, Log } from 'ethers'
import { STATES, type StateName, TRIGGERS } from '../rounds/fixture.ts'
import { Truth } from './truth.ts'

export class Witness {
  readonly transitions: { from: StateName; event: string; to: StateName }[] = []
  /** Slashed amount by owner. */
  readonly slashed = new Map<string, bigint>()
  readonly jailed = new Set<string>()
  /** Reasons of penalties by `epoch owner`. */
  readonly penalties = new Map<string, string[]>()
  /** Who has lied, as the events show. */
  readonly truth = new Truth()
  /** Owners that the DAO has barred. */
  readonly banned = new Set<string>()
  /** Rounds completed. */
  rounds = 0
  /** Members of the last epoch, and of the first since registration closed. */
  #opened = 0
  #registered = 0
  #threshold = 0n
  #first = 0n
  readonly #interface: Interface
  readonly #seatChanged: (owner: string, seat: number) => void

  /** @param seatChanged Told the seat an owner has now; −1 for none. */
  constructor(contracts: Interface, seatChanged: (owner: string, seat: number) => void) {
    this.#interface = contracts
    this.#seatChanged = seatChanged
  }

  /** Throws for what no event may say. */
  observe(log: Log): void {
    const event = this.#interface.parseLog(log)
    if (!event) return
    const { name, args } = event
    this.truth.observe(event)
    if (name === 'Transitioned') {
      const from = STATES[Number(args.from)]!
      const to = STATES[Number(args.to)]!
      this.transitions.push({ from, event: TRIGGERS[Number(args.trigger)]!, to })
      if (to === 'KeyCommit') this.#expectTwoThirds(from)
    } else if (name === 'EpochOpened') {
      this.#expectThreshold(args.members.toString(2).replaceAll('0', '').length, args.decryptionThreshold)
    } else if (name === 'Banned') this.banned.add(args.keeper)
    else if (name === 'Unbanned') this.banned.delete(args.keeper)
    else if (name === 'Joined') this.#seatChanged(args.keeper, Number(args.seat))
    else if (name === 'Left') this.#seatChanged(args.keeper, -1)
    else if (name === 'Slashed') this.slashed.set(args.owner, (this.slashed.get(args.owner) ?? 0n) + args.taken)
    else if (name === 'Jailed') this.jailed.add(args.owner)
    else if (name === 'Penalised') {
      const key = `${args.epoch} ${args.keeper}`
      this.penalties.set(key, [...(this.penalties.get(key) ?? []), args.reason])
    } else if (name === 'UpdateCompleted') this.rounds++
  }

  /** However many key generation drops, the threshold of an intake stays. */
  #expectThreshold(members: number, threshold: bigint): void {
    this.#opened = members
    this.#threshold = threshold
    if (threshold > BigInt(members)) throw new Error(`a threshold of ${threshold} among ${members} members`)
  }

  /** However key generations fail, an epoch keeps two thirds of those who were there when registration closed. */
  #expectTwoThirds(from: StateName): void {
    if (from === 'Registration') {
      this.#registered = this.#opened
      this.#first = this.#threshold
    }
    if (this.#threshold !== this.#first) throw new Error(`a threshold of ${this.#threshold}, once ${this.#first}`)
    if (3 * this.#opened < 2 * this.#registered) {
      throw new Error(`an epoch of ${this.#opened} members, of ${this.#registered} that had registered`)
    }
  }
}
