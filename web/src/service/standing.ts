// SPDX-License-Identifier: GPL-3.0-or-later
// A service as the chain has it, now or as of a block.
import { ZeroAddress } from 'ethers'
import { STATES, type StateName } from '../../../keepers/agent/states.ts'
import { clients, hasSeat, seatsOf } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'

/** Steps of a round by which members are shown, and the bitmap that says who took each. */
export const STEPS = ['committed', 'revealed', 'attesters', 'shared'] as const

export type Seat = {
  readonly seat: number
  /** Owner of the keeper. */
  readonly keeper: string
  readonly operator: string
  /** Null where only the log is known. */
  readonly strikes: number | null
  readonly member: boolean
  readonly leaving: boolean
  /** Of the round in progress: committed, revealed, attested, decrypted. */
  readonly steps: Readonly<Record<(typeof STEPS)[number], boolean>>
  readonly drafted: boolean
  readonly leftOut: boolean
}

export type Standing = {
  readonly state: StateName
  readonly epoch: number
  readonly round: number
  /** Unix seconds at which the state's window closes. */
  readonly end: number
  readonly memberCount: number
  readonly quorum: number
  readonly threshold: number
  readonly seats: readonly Seat[]
  /** SHA-256 of the manifest, 0x…; null when the service has none, or only the log is known. */
  readonly manifest: string | null
  /** Null where only the log is known. */
  readonly reward: bigint | null
  readonly pool: bigint | null
}

/**
 * Reads it all as of one look.
 * @param at block whose state is read; the newest when absent @throws the provider's errors: an endpoint may keep no state of the past
 */
export async function readStanding(
  { provider, site }: Connection,
  address: string,
  at: number | null = null,
): Promise<Standing> {
  const then = at === null ? {} : { blockTag: at }
  const service = clients.service(address, provider)
  const registry = clients.registry(site.deployment.contracts.KeeperRegistry, provider)
  const [snapshot, [seated, leaving], terms, [available]] = await Promise.all([
    service.snapshot(ZeroAddress, then),
    service.seats(then),
    service.parameters(then),
    registry.poolOf(address, then),
  ])
  const { epoch, round } = snapshot
  const seats = await Promise.all(
    seatsOf(seated).map(async (seat): Promise<Seat> => {
      const { keeper, operator, strikes } = await service.seatInfo(seat, then)
      const steps = Object.fromEntries(STEPS.map((step) => [step, hasSeat(round[step], seat)])) as Seat['steps']
      return {
        ...{ seat, keeper, operator, strikes: Number(strikes), steps },
        ...{ member: hasSeat(epoch.members, seat), leaving: hasSeat(leaving, seat) },
        ...{ drafted: hasSeat(round.drafted, seat), leftOut: hasSeat(round.leftOut, seat) },
      }
    }),
  )
  const none = /^0x0+$/.test(terms.manifest)
  return {
    state: STATES[Number(snapshot.current)]!,
    epoch: Number(snapshot.currentEpoch),
    round: Number(snapshot.currentRound),
    end: Number(snapshot.end),
    memberCount: Number(epoch.memberCount),
    quorum: Number(epoch.quorum),
    threshold: Number(epoch.decryptionThreshold),
    seats,
    manifest: none ? null : terms.manifest,
    reward: terms.rewardPerRound,
    pool: available,
  }
}
