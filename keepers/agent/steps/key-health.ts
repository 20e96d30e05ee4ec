// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { FheError } from '../../fhe/index.ts'
import type { Step } from '../context.ts'
import { epochName } from '../members.ts'

/**
 * The first rounds of an epoch are the trial of its key: shares that were dealt wrongly, an update that is none or a false
 * decryption share show as a sum that does not decrypt although every message is well-formed. After this many such rounds
 * in an epoch without a single good one, a keeper stops committing; when enough do, training times out and the service
 * makes a new key. One such round may be the work of a member that the next round does without, hence more than one.
 */
const LOST_ROUNDS = 2

const schema = z.array(z.number()).nullable()
const recordName = (step: Step): string => `lost rounds/${epochName(step.snapshot.epochInfo)}`

/** Records that the sum of a round did not decrypt, if that is what the error says. */
export function noteLostRound(step: Step, error: unknown): void {
  if (!(error instanceof FheError) || error.code !== 'integrity-failed') return
  const { store } = step.context
  const lost = schema.parse(store.getRecord(recordName(step))) ?? []
  if (lost.includes(step.snapshot.round)) return
  store.putRecord(recordName(step), [...lost, step.snapshot.round])
}

/** Whether this keeper holds the epoch's key for broken. */
export function isKeyBroken(step: Step): boolean {
  const { store, facts } = step.context
  const lost = schema.parse(store.getRecord(recordName(step))) ?? []
  if (lost.length < LOST_ROUNDS) return false
  const opened = facts.last('EpochOpened', { epoch: step.snapshot.epochInfo.epoch })?.block ?? 0
  return !facts.all('UpdateCompleted').some((fact) => fact.block >= opened)
}
