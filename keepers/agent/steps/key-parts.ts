// SPDX-License-Identifier: GPL-3.0-or-later
import { NetworkError } from '../../network/index.ts'
import { manifestHash } from '../../versions/index.ts'
import { cidOf, fetchFrom } from '../actions.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import { decodeKeyIndex, type KeyIndex } from '../key-index.ts'

/** Bytes of a key index besides its dealing: its head, and a CID with its length for each member. */
const HEAD_BYTES = 256
const BYTES_PER_MEMBER = 64

/** A member's public part of a key, or why it is missing. */
export type KeyPart<T> =
  | { readonly kind: 'here'; readonly value: T }
  /** Nobody serves it now; somebody may later. */
  | { readonly kind: 'missing'; readonly reason: string }
  /** Its bytes are wrong: everybody finds the same. */
  | { readonly kind: 'bad'; readonly reason: string }
  /** It was made under another service manifest than ours. Nothing shows which of the two is right. */
  | { readonly kind: 'foreign'; readonly reason: string }

/** The key index that the keeper at `seat` revealed: its dealing, and the CIDs of its sealed shares. */
export async function keyIndexOf(step: Step, frame: EpochFrame, seat: number): Promise<KeyPart<KeyIndex>> {
  const { context, snapshot } = step
  const fact = context.facts.last('KeyRevealed', { epoch: snapshot.epoch, seat })
  if (fact === null) return { kind: 'missing', reason: 'its reveal is not in the log yet' }
  const { bytes } = frame.plan
  return part(step, async () => {
    const blob = await fetchFrom(step, 'key index', seat, cidOf(fact), {
      maxBytes: bytes.dealing + HEAD_BYTES + frame.roster.length * BYTES_PER_MEMBER,
      round: snapshot.round,
      others: seatsIn(frame),
    })
    const index = decodeKeyIndex(blob, frame.roster.length)
    if (Buffer.compare(index.manifestHash, manifestHash(context.manifest)) === 0) return { kind: 'here', value: index }
    return { kind: 'foreign', reason: 'its service manifest differs from ours: compare service.manifest' }
  })
}

/** The share that `dealer` sealed to the member at `receiver` (both seats), from any keeper that has it. */
export function sealedShareOf(
  step: Step,
  frame: EpochFrame,
  dealer: number,
  receiver: number,
  index: KeyIndex,
): Promise<KeyPart<Uint8Array>> {
  const place = frame.roster.findIndex(({ seat }) => seat === receiver)
  return part(step, async () => {
    const value = await fetchFrom(step, 'sealed share', dealer, index.sealed[place]!, {
      maxBytes: frame.plan.bytes.sealedShare,
      round: step.snapshot.round,
      others: [receiver, ...seatsIn(frame)],
    })
    return { kind: 'here', value }
  })
}

const seatsIn = (frame: EpochFrame): number[] => frame.roster.map(({ seat }) => seat)

async function part<T>(step: Step, body: () => Promise<KeyPart<T>>): Promise<KeyPart<T>> {
  try {
    return await body()
  } catch (error) {
    step.signal.throwIfAborted()
    if (error instanceof NetworkError) {
      const final = error.code === 'TOO_LARGE' || error.code === 'MALFORMED' || error.code === 'BAD_CID'
      return { kind: final ? 'bad' : 'missing', reason: error.message }
    }
    if (error instanceof AgentError && error.code === 'BAD_BLOB') return { kind: 'bad', reason: error.message }
    throw error
  }
}
