// SPDX-License-Identifier: GPL-3.0-or-later
import type { ILearningService, KeeperRegistry } from '../../types/index.ts'
import { seatsOf } from '../chain/index.ts'
import type { KeeperStore } from '../store/index.ts'

/** One member of an epoch: a seat on the chain, an index in the key's roster, a peer on the network. */
export type EpochMember = {
  readonly seat: number
  /** Owner address at the registry. */
  readonly address: `0x${string}`
  /** X25519 public key, 32 bytes. */
  readonly encryptionKey: Uint8Array
}

/** Names an epoch in stored records. The seed is part of the name: after a reorganisation, another epoch may have the same number. */
export function epochName(info: { readonly epoch: number; readonly crsSeed: string }): string {
  return `${info.epoch}/${info.crsSeed.slice(2, 18)}`
}

type Stored = { seat: number; address: `0x${string}`; encryptionKey: string }[]

/**
 * The members of an epoch in the order of their seats, which is their order in the epoch's key. Encryption keys are read at the block in which
 * the epoch opened, so that all members use the same ones, and then kept.
 */
export async function rosterOf(
  info: { readonly epoch: number; readonly members: bigint; readonly crsSeed: string },
  openedAt: number,
  chain: { service: ILearningService; registry: KeeperRegistry; store: KeeperStore },
): Promise<EpochMember[]> {
  const name = `roster/${epochName(info)}`
  const known = chain.store.getRecord(name) as Stored | null
  if (known !== null) {
    return known.map((member) => ({ ...member, encryptionKey: Buffer.from(member.encryptionKey, 'hex') }))
  }
  const roster = await Promise.all(
    seatsOf(info.members).map(async (seat): Promise<EpochMember> => {
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
