// SPDX-License-Identifier: GPL-3.0-or-later

import { act } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { isManifestAgreed } from '../steps/agreed-manifest.ts'
import { pokeInTurn } from '../steps/poke.ts'
import { ensureSeat } from '../steps/seat.ts'

/** Registration: be seated before the window closes, and let the machine move on when it has. */
export async function registration(step: Step): Promise<StepResult> {
  if (!(await isManifestKnown(step))) return 'again'
  if (step.seat === null) await ensureSeat(step)
  // Nothing is due while the window is open; and a window that merely reopens needs no transaction of ours.
  const recorded = step.context.facts.last('Transitioned')?.args.to
  if (step.snapshot.due && recorded !== undefined && Number(recorded) !== 0) {
    await pokeInTurn(step, () => act(step, 'poke', []))
  }
  return 'again'
}

/**
 * The DAO may have set another manifest: a seat taken with ours would only be lost in key generation. Asks once for each time that
 * parameters were set, and again when they apply. @throws VersionError WRONG_MANIFEST
 */
async function isManifestKnown({ context }: Step): Promise<boolean> {
  const { facts, remembered } = context
  const blockOf = (name: 'ParametersProposed' | 'ParametersApplied'): number => facts.last(name)?.block ?? 0
  const occasion = `${blockOf('ParametersProposed')}/${blockOf('ParametersApplied')}`
  if (remembered.agreed === occasion) return true
  if (!(await isManifestAgreed(context))) return false
  remembered.agreed = occasion
  return true
}
