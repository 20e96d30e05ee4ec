// SPDX-License-Identifier: GPL-3.0-or-later
import type { ILearningService, KeeperRegistry } from '../../types/index.ts'
import type { KeeperStore } from '../store/index.ts'

/** One member of an epoch: a seat on the chain, an index in the key's roster, a peer on the network. */
export type EpochMember = {
  readonly seat: number
  /** Owner address at the registry. */
  readonly address: `0x${string}`
  /** X25519 public key, 32 bytes. */
  readonly encryptionKey: Uint8Array
}

/** The seats whose bits are set, ascending. */
export function seatsOf(bitmap: bigint): number[] {
  const seats: number[] = []
  for (let seat = 0, rest = bitmap; rest !== 0n; seat++, rest >>= 1n) if (rest & 1n) seats.push(seat)
  return seats
}

export function bitmapOf(seats: Iterable<number>): bigint {
  let bitmap = 0n
  for (const seat of seats) bitmap |= 1n << BigInt(seat)
  return bitmap
}

export function hasSeat(bitmap: bigint, seat: number): boolean {
  return ((bitmap >> BigInt(seat)) & 1n) === 1n
}

type Stored = { seat: number; address: `0x${string}`; encryptionKey: string }[]

/**
 * The members of an epoch in the order of their seats, which is their order in the collective key. Encryption keys are
 * those of the block in which the epoch opened, so that all members use the same; read once, then kept.
 */
export async function rosterOf(
  epoch: number,
  members: bigint,
  openedAt: number,
  chain: { service: ILearningService; registry: KeeperRegistry; store: KeeperStore },
): Promise<EpochMember[]> {
  const name = `roster/${epoch}/${members.toString(16)}`
  const known = chain.store.getRecord(name) as Stored | null
  if (known !== null) {
    return known.map((member) => ({ ...member, encryptionKey: Buffer.from(member.encryptionKey, 'hex') }))
  }
  const roster = await Promise.all(
    seatsOf(members).map(async (seat): Promise<EpochMember> => {
      const { keeper } = await chain.service.seatInfo(seat, { blockTag: openedAt })
      const { encryptionKey } = await chain.registry.keeperOf(keeper, { blockTag: openedAt })
      return { seat, address: keeper as `0x${string}`, encryptionKey: Buffer.from(encryptionKey.slice(2), 'hex') }
    }),
  )
  const stored: Stored = roster.map((member) => ({
    ...member,
    encryptionKey: Buffer.from(member.encryptionKey).toString('hex'),
  }))
  chain.store.putRecord(name, stored)
  return roster
}
