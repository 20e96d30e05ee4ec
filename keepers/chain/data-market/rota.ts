// SPDX-License-Identifier: GPL-3.0-or-later
// Who sits out which round, as contracts/market/SitOut.sol computes it: from epoch seed and round alone.
import { AbiCoder, keccak256 } from 'ethers'

/** How many members sit out at a time, and how often. @param spacing Members sit out in every `spacing`-th round. */
export type Rota = { readonly members: number; readonly perRound: number; readonly spacing: number }

/** A rota with as many sitters per round as wished, or as the round machine has room for. */
export function rotaOf(members: number, updateQuorum: number, wished: number): Rota {
  const room = Math.max(0, members - updateQuorum)
  if (room === 0 || wished === 0) return { members, perRound: 0, spacing: 1 }
  if (room === 1) return { members, perRound: 1, spacing: 2 }
  return { members, perRound: Math.min(wished, Math.floor(room / 2)), spacing: 1 }
}

/** The number of rounds with sitters until everybody has sat out once. */
export function cycleRounds({ members, perRound }: Rota): number {
  return perRound === 0 ? 0 : Math.ceil(members / perRound)
}

/** A round's cycle, and its position in that cycle; null for a round in which nobody sits out. */
export function placeOf(rota: Rota, round: number): { readonly cycle: number; readonly position: number } | null {
  const length = cycleRounds(rota)
  if (length === 0 || round % rota.spacing !== 0) return null
  const turn = Math.floor(round / rota.spacing)
  return { cycle: Math.floor(turn / length), position: turn % length }
}

const coder = AbiCoder.defaultAbiCoder()

/** The cycle's order of members, by their places in the epoch's list. */
export function orderOf(seed: string, cycle: number, members: number): number[] {
  const shuffle = keccak256(coder.encode(['bytes32', 'uint256'], [seed, cycle]))
  const order = Array.from({ length: members }, (_, i) => i)
  for (let j = 0; j < members; j++) {
    const hash = BigInt(keccak256(coder.encode(['bytes32', 'uint256'], [shuffle, j])))
    const chosen = j + Number(hash % BigInt(members - j))
    ;[order[j], order[chosen]] = [order[chosen]!, order[j]!]
  }
  return order
}

/** Places, in the epoch's list, of the members that sit out the round. */
export function sittersOf(rota: Rota, seed: string, round: number): number[] {
  const place = placeOf(rota, round)
  if (place === null) return []
  const first = place.position * rota.perRound
  return orderOf(seed, place.cycle, rota.members).slice(first, first + rota.perRound)
}
