// SPDX-License-Identifier: GPL-3.0-or-later
import { FheError, finishKeyGeneration } from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import { act, cidOf, elapsed, fetchFrom } from '../actions.ts'
import { decodeKeyIndex, type KeyIndex } from '../blobs.ts'
import type { Outcome, Step } from '../context.ts'
import { loadEncryptionKey } from '../encryption-keys.ts'
import { type EpochFrame, loadDealing, loadKeyHash, storeKey } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { hasSeat } from '../members.ts'
import { profileHash } from '../profile.ts'

/** Part of the window after which a member whose blobs cannot be had is accused, to leave the others time to agree. */
const PATIENCE = 0.5

/** A member whose part of the key is missing or does not fit. */
class Accusation extends Error {
  readonly seat: number
  /** Bad bytes are bad for good; an unreachable peer may come back. */
  readonly final: boolean

  constructor(seat: number, why: string, final: boolean) {
    super(`seat ${seat}: ${why}`)
    this.seat = seat
    this.final = final
  }
}

/** KeyConfirm: put the shares together, keep our share of the key, and say which key it is; or say who made it fail. */
export async function keyConfirm(step: Step): Promise<Outcome> {
  const { context, snapshot } = step
  if (!isMember(step) || hasSeat(snapshot.keyInfo.spoken, step.seat)) return 'done'
  const frame = await frameHere(step)
  try {
    const keyHash = loadKeyHash(context.store, frame) ?? (await agree(step, frame))
    const hash = `0x${Buffer.from(keyHash).toString('hex')}`
    return (await act(step, 'confirmKey', [snapshot.epoch, hash])) ? 'done' : 'again'
  } catch (error) {
    if (!(error instanceof Accusation)) throw error
    const { windows } = await parametersOf(step)
    context.log.warn({ event: 'key fault', accused: error.seat, reason: error.message }, 'a key share does not fit')
    if (!error.final && elapsed(step, windows.key) < PATIENCE) {
      context.peers.refresh()
      return 'again'
    }
    return (await act(step, 'complain', [snapshot.epoch, error.seat])) ? 'done' : 'again'
  }
}

/** The hash of the epoch's key, once our part of it is in the store. */
async function agree(step: Step & { readonly seat: number }, frame: EpochFrame): Promise<Uint8Array> {
  const { context, snapshot } = step
  const secret = loadDealing(context.store, frame)
  if (secret === null) {
    throw new AgentError('DATA', 'the store does not know what this keeper dealt: it sits out until the next epoch')
  }
  const indexes: KeyIndex[] = []
  const sealed: Uint8Array[] = []
  for (const { seat } of frame.roster) {
    const { index, share } = await fetchKeyParts(step, frame, seat)
    indexes.push(index)
    sealed.push(share)
  }
  const pair = loadEncryptionKey(context.store, frame.roster[frame.self]!.encryptionKey, snapshot.epoch)
  if (pair === null) {
    secret.dispose()
    throw new AgentError(
      'DATA',
      'the store does not hold the key that this epoch seals shares to: it sits out until the next epoch',
    )
  }
  try {
    const key = await finishKeyGeneration(frame.engine, {
      context: frame.context,
      members: frame.roster,
      self: frame.self,
      crs: Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex'),
      encryptionKey: pair.secretKey,
      secret,
      dealings: indexes.map((index) => index.dealing),
      sealedShares: sealed,
      signal: step.signal,
    })
    storeKey(context.store, frame, key)
    key.material.dispose()
    return key.keyHash
  } catch (error) {
    const culprit = error instanceof FheError ? error.detail.sender : undefined
    const seat = typeof culprit === 'number' ? frame.roster[culprit]?.seat : undefined
    if (seat !== undefined && seat !== step.seat) throw new Accusation(seat, (error as Error).message, true)
    throw error
  } finally {
    pair.secretKey.dispose()
    secret.dispose()
  }
}

async function fetchKeyParts(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  seat: number,
): Promise<{ index: KeyIndex; share: Uint8Array }> {
  const { context, snapshot } = step
  const fact = context.facts.last('KeyRevealed', { epoch: snapshot.epoch, seat })
  if (fact === null) throw new Accusation(seat, 'its reveal is not in the log yet', false)
  const others = frame.roster.map((member) => member.seat)
  const { bytes } = frame.plan
  const head = 256 + frame.roster.length * 64
  try {
    const blob = await fetchFrom(step, 'key index', seat, cidOf(fact), {
      maxBytes: bytes.dealing + head,
      round: snapshot.round,
      others,
    })
    const index = decodeKeyIndex(blob, frame.roster.length)
    if (Buffer.compare(index.profileHash, profileHash(context.profile)) !== 0) {
      throw new Accusation(seat, 'its service profile differs from ours: compare service.profile', true)
    }
    const share = await fetchFrom(step, 'sealed share', seat, index.sealed[frame.self]!, {
      maxBytes: bytes.sealedShare,
      round: snapshot.round,
    })
    return { index, share }
  } catch (error) {
    step.signal.throwIfAborted()
    if (error instanceof NetworkError) {
      const final = error.code === 'TOO_LARGE' || error.code === 'MALFORMED' || error.code === 'BAD_CID'
      throw new Accusation(seat, error.message, final)
    }
    if (error instanceof AgentError && error.code === 'BAD_BLOB') throw new Accusation(seat, error.message, true)
    throw error
  }
}
