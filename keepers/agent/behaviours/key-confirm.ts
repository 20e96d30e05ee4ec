// SPDX-License-Identifier: GPL-3.0-or-later

import { getBytes, id } from 'ethers'
import { hasSeat } from '../../chain/index.ts'
import { FheError, finishKeyGeneration, openComplaint } from '../../fhe/index.ts'
import { act, elapsed } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { loadEncryptionKey } from '../encryption-keys.ts'
import { type EpochFrame, loadDealing, loadKeyHash, storeKey } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import type { KeyIndex } from '../key-index.ts'
import { epochName } from '../members.ts'
import { type ComplaintIntent, complaintIntentName, parseComplaintIntent } from '../steps/intents.ts'
import { type KeyPart, keyIndexOf, sealedShareOf } from '../steps/key-parts.ts'
import { mayBelieve } from '../steps/witness.ts'

/** After this fraction of the window, the keeper accuses members whose blobs it cannot fetch. The rest leaves the others time to agree. */
const PATIENCE = 0.5

/** A member with a missing or wrong part of the key. */
class Accusation extends Error {
  readonly seat: number
  /** Bad bytes are bad for good; an unreachable peer may come back. */
  readonly final: boolean
  /** The secret that opens the wrong share, if only its receiver can read that share; otherwise empty. */
  readonly evidence: Uint8Array

  constructor(seat: number, why: string, options: { final: boolean; evidence?: Uint8Array }) {
    super(`seat ${seat}: ${why}`)
    this.seat = seat
    this.final = options.final
    this.evidence = options.evidence ?? new Uint8Array()
  }
}

/** KeyConfirm: put the shares together, keep our share of the key, and say which key it is; or say who made it fail, and prove it. */
export async function keyConfirm(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (!isMember(step) || hasSeat(snapshot.keyInfo.spoken, step.seat)) return 'done'
  const frame = await frameHere(step)
  const at = { key: complaintIntentName(snapshot.epochInfo), epoch: snapshot.epoch, round: 0 }
  const reveals = revealsOf(step)
  const known = context.store.journal.find(at.key)
  if (known !== null) {
    const complaint = parseComplaintIntent(known.payload)
    if (complaint.reveals === undefined || complaint.reveals === reveals) return complain(step, frame, complaint)
    // Neither complain again nor confirm a key: the evidence has opened a share, and a key with an opened share must never be used.
    context.log.error(
      { event: 'complaint void', epoch: snapshot.epoch },
      'the dealing that this keeper accused is no longer on the chain',
    )
    return 'done'
  }
  const held = loadKeyHash(context.store, frame)
  const agreed = context.store.getRecord(revealsName(frame))
  if (held !== null && agreed !== null && agreed !== reveals) {
    // A dealing serves one key. Under another, this keeper's pads, and those dealt to it, would be used twice.
    context.log.error(
      { event: 'key void', epoch: snapshot.epoch },
      'the dealings of this key are no longer on the chain',
    )
    return 'done'
  }
  const { epoch } = snapshot
  const facts = context.facts.all('KeyRevealed', { epoch })
  const { key: window } = (await parametersOf(step)).windows
  if (!(await mayBelieve(step, { name: 'KeyRevealed', facts, of: { epoch } }, { window, patience: PATIENCE })))
    return 'again'
  try {
    const keyHash = held ?? (await agree(step, frame))
    context.store.putRecord(revealsName(frame), reveals)
    const hash = `0x${Buffer.from(keyHash).toString('hex')}`
    if (!maySay(step, frame, `confirm ${hash}`)) return 'done'
    return (await act(step, 'confirmKey', [snapshot.epoch, hash])) ? 'done' : 'again'
  } catch (error) {
    if (!(error instanceof Accusation)) throw error
    const { windows } = await parametersOf(step)
    context.log.warn({ event: 'key fault', accused: error.seat, reason: error.message }, 'a key share does not fit')
    if (!error.final && elapsed(step, windows.key) < PATIENCE) {
      context.peers.refresh()
      return 'again'
    }
    const evidence = `0x${Buffer.from(error.evidence).toString('hex')}`
    const intent = await context.store.journal.once(at, () =>
      Buffer.from(JSON.stringify({ accused: error.seat, evidence, reveals } satisfies ComplaintIntent)),
    )
    return complain(step, frame, parseComplaintIntent(intent.payload))
  }
}

/**
 * Allows one statement about each key generation, and remembers it permanently: a member either opens a share or confirms the key, never
 * both.
 */
function maySay({ context, snapshot }: Step, frame: EpochFrame, what: string): boolean {
  const nonce = getBytes(id(`key generation/${frame.context.epoch}/${frame.crsSeed}`))
  if (context.store.claims.claim(nonce, getBytes(id(what)))) return true
  context.log.error(
    { event: 'already spoken', epoch: snapshot.epoch },
    'something else was said of this key generation before: nothing is now',
  )
  return false
}

/** Which dealings a key, or a complaint, is about: after a reorganisation a member may have revealed another. */
function revealsOf({ context, snapshot }: Step): string {
  const cids = new Map<number, string>()
  for (const { args } of context.facts.all('KeyRevealed', { epoch: snapshot.epoch })) {
    cids.set(Number(args.seat), String(args.cid))
  }
  const text = [...cids].sort(([a], [b]) => a - b).join()
  return id(text)
}

const revealsName = (frame: EpochFrame): string =>
  `reveals of key/${epochName({ epoch: frame.context.epoch, crsSeed: frame.crsSeed })}`

async function complain(step: Step, frame: EpochFrame, { accused, evidence }: ComplaintIntent): Promise<StepResult> {
  if (!maySay(step, frame, `accuse ${accused} ${evidence}`)) return 'done'
  return (await act(step, 'complain', [step.snapshot.epoch, accused, evidence])) ? 'done' : 'again'
}

/** The hash of the epoch's key, once our part of it is in the store. */
async function agree(step: Step & { readonly seat: number }, frame: EpochFrame): Promise<Uint8Array> {
  const { context, snapshot } = step
  const secret = loadDealing(context.store, frame)
  if (secret === null) {
    throw new AgentError('DATA', 'the store does not know what this keeper dealt: it sits out until the next epoch')
  }
  const pair = loadEncryptionKey(context.store, frame.roster[frame.self]!.encryptionKey, snapshot.epoch)
  if (pair === null) {
    secret.dispose()
    throw new AgentError(
      'DATA',
      'the store does not hold the key that this epoch seals shares to: it sits out until the next epoch',
    )
  }
  const indexes: KeyIndex[] = []
  const sealed: Uint8Array[] = []
  const request = {
    context: frame.context,
    members: frame.roster,
    self: frame.self,
    crs: Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex'),
    encryptionKey: pair.secretKey,
  }
  try {
    for (const { seat } of frame.roster) {
      const index = insist(seat, await keyIndexOf(step, frame, seat))
      indexes.push(index)
      sealed.push(insist(seat, await sealedShareOf(step, frame, seat, step.seat, index)))
    }
    const key = await finishKeyGeneration(frame.engine, {
      ...request,
      secret,
      dealings: indexes.map((index) => index.dealing),
      sealedShares: sealed,
      signal: step.signal,
    })
    try {
      storeKey(context.store, frame, key)
    } finally {
      key.material.dispose()
    }
    return key.keyHash
  } catch (error) {
    const accused = error instanceof FheError ? error.detail.sender : undefined
    const seat = typeof accused === 'number' ? frame.roster[accused]?.seat : undefined
    if (seat === undefined || seat === step.seat) throw error
    const { complain: how } = (error as FheError).detail
    const why = (error as Error).message
    if (how === 'fetch') throw new Accusation(seat, why, { final: false })
    if (how !== 'evidence') throw new Accusation(seat, why, { final: true })
    const evidence = openComplaint(frame.engine, {
      ...request,
      accused: accused as number,
      dealing: indexes[accused as number]!.dealing,
      sealedShare: sealed[accused as number]!,
    })
    throw new Accusation(seat, why, { final: true, evidence })
  } finally {
    pair.secretKey.dispose()
    secret.dispose()
  }
}

function insist<T>(seat: number, part: KeyPart<T>): T {
  if (part.kind === 'here') return part.value
  throw new Accusation(seat, part.reason, { final: part.kind !== 'missing' })
}
