// SPDX-License-Identifier: GPL-3.0-or-later
import { type Clock, type ServiceContracts, seatsOf, steady } from '../chain/index.ts'
import { RelayError } from './errors.ts'

/** Milliseconds between two readings of who has a seat. */
const BETWEEN = 5_000

/**
 * Limits the checks that a relayer does at once. Each member has slots of its own, which neither strangers nor other members can take. Strangers
 * cost a single reading of the seats, which answers all of them that ask in the meantime.
 */
export class CheckSlots {
  readonly #service: Pick<ServiceContracts['service'], 'seats' | 'seatInfo'>
  readonly #clock: Pick<Clock, 'now' | 'steady'>
  readonly #most: number
  #operators: ReadonlySet<string> = new Set()
  #readAt = -Infinity
  #reading: Promise<void> | null = null
  readonly #taken = new Map<string, number>()
  readonly #last = new Map<string, Promise<unknown>>()

  /** @param most Most checks of one member that are under way or waiting. */
  constructor(
    service: Pick<ServiceContracts['service'], 'seats' | 'seatInfo'>,
    clock: Pick<Clock, 'now' | 'steady'>,
    most: number,
  ) {
    this.#service = service
    this.#clock = clock
    this.#most = most
  }

  /**
   * Does a check for a member, after its earlier ones.
   * @throws RelayError NOT_MEMBER, as of at most five seconds ago; CROWDED; and the errors of `check`
   */
  async take<T>(signer: string, check: () => Promise<T>): Promise<T> {
    if (!this.#operators.has(signer)) await this.#read()
    if (!this.#operators.has(signer)) {
      throw new RelayError('NOT_MEMBER', `the signature is of ${signer}, who has no seat`)
    }
    const taken = this.#taken.get(signer) ?? 0
    if (taken >= this.#most) throw new RelayError('CROWDED', `${taken} calls of ${signer} are being checked already`)
    this.#taken.set(signer, taken + 1)
    const mine = (this.#last.get(signer) ?? Promise.resolve()).catch(() => undefined).then(check)
    this.#last.set(signer, mine)
    try {
      return await mine
    } finally {
      const left = this.#taken.get(signer)! - 1
      if (left > 0) this.#taken.set(signer, left)
      else {
        this.#taken.delete(signer)
        this.#last.delete(signer)
      }
    }
  }

  async #read(): Promise<void> {
    if (steady(this.#clock) < this.#readAt + BETWEEN) return
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = null
    })
    await this.#reading
  }

  async #readNow(): Promise<void> {
    const { seated } = await this.#service.seats()
    const found = await Promise.all(seatsOf(seated).map((seat) => this.#service.seatInfo(seat)))
    this.#operators = new Set(found.map(({ operator }) => operator))
    this.#readAt = steady(this.#clock)
  }
}
