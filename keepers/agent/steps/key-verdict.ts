// SPDX-License-Identifier: GPL-3.0-or-later

import { bitmapOf } from '../../chain/index.ts'
import { FheError, judgeComplaint, keyHashOfEpoch } from '../../fhe/index.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import type { KeyIndex } from '../key-index.ts'
import { type KeyPart, keyIndexOf, sealedShareOf } from './key-parts.ts'

/** A keeper's findings about the complaints and confirmations of an epoch. */
export type KeyVerdict = {
  /** Bitmap of the seats that are shown to have lied. */
  readonly convicted: bigint
  /** Bitmap of the seats that the key can omit and that nothing incriminates. */
  readonly excused: bigint
  /** Whether something is missing that may still arrive. */
  readonly waiting: boolean
  readonly reasons: readonly { readonly seat: number; readonly reason: string }[]
}

type Finding = {
  readonly seat: number
  readonly convicted: boolean
  readonly reason: string
  /** For an accuser without evidence: the seat that it accuses. */
  readonly accused?: number
}

/**
 * Judges an epoch after an incomplete confirmation of its key, from public data: the complaints with their evidence, the dealings, the
 * disputed sealed shares. All members that can fetch the same data come to the same verdict.
 */
export async function judgeEpoch(step: Step & { readonly seat: number }, frame: EpochFrame): Promise<KeyVerdict> {
  const { context, snapshot } = step
  const findings: Finding[] = []
  let waiting = false
  const indexes = new Map<number, KeyPart<KeyIndex>>()
  for (const { seat } of frame.roster) {
    const index = await keyIndexOf(step, frame, seat)
    if (index.kind === 'missing') waiting = true
    indexes.set(seat, index)
  }
  for (const complaint of context.facts.all('KeyComplaint', { epoch: snapshot.epoch })) {
    const accused = Number(complaint.args.accused)
    const complainer = Number(complaint.args.seat)
    const index = indexes.get(accused)
    if (index === undefined || !indexes.has(complainer)) continue
    const { finding, missing } = await judgeOne(step, frame, complaint, index)
    if (missing) waiting = true
    if (finding !== null) findings.push(finding)
  }
  findings.push(...dissenters(step, frame, indexes))
  return conclude(findings, waiting)
}

function conclude(all: readonly Finding[], waiting: boolean): KeyVerdict {
  const gone = new Set(all.filter(({ accused }) => accused === undefined).map(({ seat }) => seat))
  // Spare an accuser without evidence if the accused is removed for another reason: it may well have received nothing.
  const findings = all.filter(({ accused }) => accused === undefined || !gone.has(accused))
  const seats = (convicted: boolean): number[] =>
    findings.filter((f) => f.convicted === convicted).map(({ seat }) => seat)
  const convicted = bitmapOf(seats(true))
  return {
    convicted,
    // A convicted seat needs no excuse.
    excused: bitmapOf(seats(false)) & ~convicted,
    waiting,
    reasons: findings.map(({ seat, reason }) => ({ seat, reason })),
  }
}

async function judgeOne(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  { args }: Fact,
  index: KeyPart<KeyIndex>,
): Promise<{ finding: Finding | null; missing: boolean }> {
  const [accused, complainer] = [Number(args.accused), Number(args.seat)]
  if (index.kind === 'missing' || index.kind === 'foreign') {
    return { finding: { seat: accused, convicted: false, reason: index.reason }, missing: index.kind === 'missing' }
  }
  if (index.kind === 'bad') return { finding: { seat: accused, convicted: true, reason: index.reason }, missing: false }
  const share = await sealedShareOf(step, frame, accused, complainer, index.value)
  if (share.kind === 'bad') return { finding: { seat: accused, convicted: true, reason: share.reason }, missing: false }
  if (share.kind !== 'here') {
    return { finding: { seat: accused, convicted: false, reason: share.reason }, missing: true }
  }
  const place = (seat: number): number => frame.roster.findIndex((member) => member.seat === seat)
  const guilty = verdictOn({
    step,
    frame,
    accused: place(accused),
    complainer: place(complainer),
    dealing: index.value.dealing,
    sealedShare: share.value,
    evidence: Buffer.from(String(args.evidence).slice(2), 'hex'),
  })
  if (guilty === 'dealer') {
    return {
      finding: { seat: accused, convicted: true, reason: `the share that it dealt to seat ${complainer} is false` },
      missing: false,
    }
  }
  if (guilty === 'complainer') {
    return {
      finding: { seat: complainer, convicted: true, reason: `it accuses seat ${accused} falsely` },
      missing: false,
    }
  }
  // The complainer could not fetch a blob that the others have. That may be true, so it is excused: the key can be made without it.
  return {
    finding: {
      seat: complainer,
      convicted: false,
      accused,
      reason: `it accuses seat ${accused} of nothing that shows`,
    },
    missing: false,
  }
}

function verdictOn(of: {
  readonly step: Step
  readonly frame: EpochFrame
  readonly accused: number
  readonly complainer: number
  readonly dealing: Uint8Array
  readonly sealedShare: Uint8Array
  readonly evidence: Uint8Array
}): 'dealer' | 'complainer' | 'nobody' {
  const { frame, step, ...rest } = of
  try {
    return judgeComplaint(frame.engine, { ...frameOf(step, frame), ...rest })
  } catch (error) {
    // The dealer's index names another share than its dealing, and the dealer committed to both on the chain.
    if (error instanceof FheError && error.code === 'sealed-share-mismatch') return 'dealer'
    throw error
  }
}

/** Members that confirmed another key than the dealings yield. Found only when all dealings are here. */
function dissenters(step: Step, frame: EpochFrame, indexes: ReadonlyMap<number, KeyPart<KeyIndex>>): Finding[] {
  const dealings: Uint8Array[] = []
  for (const { seat } of frame.roster) {
    const index = indexes.get(seat)
    if (index?.kind !== 'here') return []
    dealings.push(index.value.dealing)
  }
  const keyHash = keyHashOfEpoch(frame.engine, { ...frameOf(step, frame), dealings })
  const hash = `0x${Buffer.from(keyHash).toString('hex')}`
  return step.context.facts
    .all('KeyConfirmed', { epoch: step.snapshot.epoch })
    .filter(({ args }) => args.keyHash !== hash)
    .map(({ args }) => ({
      seat: Number(args.seat),
      convicted: true,
      reason: `it confirms ${args.keyHash}, not ${hash}`,
    }))
}

function frameOf({ snapshot }: Step, { context, roster }: EpochFrame) {
  return { context, members: roster, crs: Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex') }
}
