// SPDX-License-Identifier: GPL-3.0-or-later
// Who has lied, as far as every honest member can recompute it from public bytes.

import type { LogDescription } from 'ethers'
import { seats } from '../rounds/fixture.ts'
import { keyHash } from '../rounds/play.ts'

type Complaint = { readonly seat: number; readonly accused: number }

export class Truth {
  /** `epoch seat` of dealings, `round seat` of updates that are false. */
  readonly falseDealings = new Set<string>()
  readonly falseUpdates = new Set<string>()
  readonly #complaints = new Map<number, Complaint[]>()
  readonly #wrongHashes = new Map<number, number[]>()
  readonly #disputes = new Map<number, Complaint>()

  observe({ name, args }: LogDescription): void {
    const epoch = Number(args.epoch)
    const seat = Number(args.seat)
    if (name === 'KeyComplaint') push(this.#complaints, epoch, { seat, accused: Number(args.accused) })
    else if (name === 'KeyConfirmed' && args.keyHash !== keyHash(epoch)) push(this.#wrongHashes, epoch, seat)
    else if (name === 'UpdateDisputed') this.#disputes.set(Number(args.round), { seat, accused: Number(args.accused) })
  }

  /** The lowest of the members that has dealt falsely; null when none has. */
  falseDealer(epoch: number, members: bigint): number | null {
    return lowestOf(this.falseDealings, epoch, members)
  }

  falseUpdate(round: number, revealed: bigint): number | null {
    return lowestOf(this.falseUpdates, round, revealed)
  }

  /** Whom the complaints of a key generation show to have lied: dealers, complainers, confirmers of another hash. */
  convictedAtKey(epoch: number): bigint {
    const convicted = new Set(this.#wrongHashes.get(epoch))
    for (const { seat, accused } of this.#complaints.get(epoch) ?? []) {
      convicted.add(this.falseDealings.has(`${epoch} ${accused}`) ? accused : seat)
    }
    return seats(...convicted)
  }

  /** Whom the Check of a round shows to have lied: senders of false updates, and who accused one that stands. */
  convictedAtCheck(round: number, revealed: bigint): bigint {
    const dispute = this.#disputes.get(round)
    if (!dispute) return 0n
    const convicted = [...Array(256).keys()].filter(
      (seat) => (revealed >> BigInt(seat)) & 1n && this.falseUpdates.has(`${round} ${seat}`),
    )
    if (!convicted.includes(dispute.accused)) convicted.push(dispute.seat)
    return seats(...new Set(convicted))
  }
}

function lowestOf(set: ReadonlySet<string>, number: number, members: bigint): number | null {
  for (let seat = 0; seat < 256; seat++) if ((members >> BigInt(seat)) & 1n && set.has(`${number} ${seat}`)) return seat
  return null
}

function push<T>(map: Map<number, T[]>, key: number, value: T): void {
  map.set(key, [...(map.get(key) ?? []), value])
}
