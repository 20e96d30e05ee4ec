// SPDX-License-Identifier: GPL-3.0-or-later
import { AbiCoder, keccak256 } from 'ethers'
import { bitmapOf, hasSeat, seatsOf } from '../../chain/index.ts'
import { act, elapsed } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { parametersOf } from '../frame.ts'
import { type Attested, attestationSeal } from './attestation.ts'
import { declaredIn } from './draft.ts'

/** Seconds of chain time that each keeper in the order leaves to those before it. */
export const TURN_SECONDS = 3

/** After this fraction of the window, the draft stops waiting for members that revealed and have yet to attest. */
const WAITED_ENOUGH = 0.5

/** By keeper: chain time when it first saw that it can open a draft, and a mark of which draft. */
const readySince = new WeakMap<object, { mark: string; time: number }>()

/**
 * Opens the draft of the sum that a quorum has sealed, when it is this keeper's turn, because the opener pays for all. Members that would
 * not be drafted come first, in an order that follows from the round, because drafted members pay for a share as well.
 */
export async function openDraft(step: Step & { readonly seat: number }, what: Attested): Promise<StepResult> {
  const { context, snapshot } = step
  const { round, roundInfo, epochInfo } = snapshot
  const { windows, minKeepers } = await parametersOf(step)
  const waiting = roundInfo.revealed & ~roundInfo.attesters
  if (waiting !== 0n && elapsed(step, windows.aggregate) < WAITED_ENOUGH) return 'again'
  const { matching, last } = sealedAlike(step, what)
  const may = matching & ~(epochInfo.undraftable | snapshot.leftOut | what.convicted)
  // Those that revealed, if they suffice.
  const enough = seatsOf(may & roundInfo.revealed).length >= epochInfo.threshold
  const draftable = enough ? may & roundInfo.revealed : may
  if (seatsOf(matching).length < epochInfo.quorum) return 'again'
  // A sum of too few updates is not decrypted, so nobody needs to be draftable.
  const short = declaredIn(context, round, what.included).contributors < Math.max(epochInfo.quorum, minKeepers)
  if (!short && seatsOf(draftable).length < epochInfo.threshold) return 'again'
  const mark = `${epochInfo.crsSeed}/${round}/${last}/${what.hash}`
  const known = readySince.get(context)
  if (known?.mark !== mark) readySince.set(context, { mark, time: snapshot.time })
  const since = known?.mark === mark ? known.time : snapshot.time
  const seed = drawSeed(context.serviceAddress, round, last)
  const drafted = short ? 0n : drawnFrom(draftable, epochInfo.threshold, seed)
  if (snapshot.time - since < TURN_SECONDS * turnOf(step, matching, drafted)) return 'again'
  await act(step, 'draft', [round, what.hash, what.included, what.convicted])
  return 'again'
}

/** The seats with matching seals, and the hash of the block of the last attestation by a seat that revealed. */
export function sealedAlike(step: Step, what: Attested): { matching: bigint; last: string } {
  const { context, snapshot } = step
  const { round, roundInfo } = snapshot
  const seals = new Map<number, string>()
  let last = ''
  for (const { args, blockHash } of context.facts.all('AggregateAttested', { round })) {
    const seat = Number(args.seat)
    // A dispute voids earlier attestations.
    if (!hasSeat(roundInfo.attesters, seat)) continue
    seals.set(seat, String(args.seal))
    if (hasSeat(roundInfo.revealed, seat)) last = blockHash
  }
  const matching = [...seals].filter(([seat, seal]) => seal === attestationSeal(context, round, seat, what))
  return { matching: bitmapOf(matching.map(([seat]) => seat)), last }
}

const coder = AbiCoder.defaultAbiCoder()

/** The seed of the contract's draw, from the hash of the block of the last attestation. */
export function drawSeed(service: string, round: number, blockHash: string): string {
  return keccak256(coder.encode(['address', 'uint32', 'bytes32'], [service, round, blockHash]))
}

/** `size` seats of a bitmap, as `Seats.draw` draws them. */
export function drawnFrom(set: bigint, size: number, seed: string): bigint {
  const rest = seatsOf(set)
  const dropping = 2 * size > rest.length
  const taken: number[] = []
  let random = 0n
  for (let i = dropping ? rest.length - size : size; i > 0; i--) {
    random >>= 32n
    if (random === 0n) random = BigInt(keccak256(coder.encode(['bytes32', 'uint256'], [seed, i])))
    taken.push(...rest.splice(Number((random & 0xffffffffn) % BigInt(rest.length)), 1))
  }
  return bitmapOf(dropping ? rest : taken)
}

/** This keeper's place among those that may open the draft, from 0. */
function turnOf(step: Step & { readonly seat: number }, matching: bigint, drafted: bigint): number {
  const { crsSeed } = step.snapshot.epochInfo
  // The order changes with the round, so that the same keeper does not pay each time.
  const lot = (seat: number): string =>
    keccak256(coder.encode(['bytes32', 'uint32', 'uint8'], [crsSeed, step.snapshot.round, seat]))
  const order = seatsOf(matching)
    .map((seat) => ({ seat, isDrafted: Number(hasSeat(drafted, seat)), lot: lot(seat) }))
    .sort((a, b) => a.isDrafted - b.isDrafted || (a.lot < b.lot ? -1 : 1))
  const place = order.findIndex(({ seat }) => seat === step.seat)
  return place < 0 ? order.length : place
}
