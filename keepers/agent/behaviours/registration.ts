// SPDX-License-Identifier: GPL-3.0-or-later

import { agreedDigests, requireAgreed } from '../../versions/index.ts'
import { act } from '../actions.ts'
import type { Outcome, Step } from '../context.ts'
import { RENEW } from '../frame.ts'
import { pokeInTurn } from '../steps/poke.ts'
import { ensureSeat } from '../steps/seat.ts'

/** Registration: be seated before the window closes, and let the machine move on when it has. */
export async function registration(step: Step): Promise<Outcome> {
  await checkManifest(step)
  if (step.seat === null) await ensureSeat(step)
  // Nothing is due while the window is open; and a window that merely reopens needs no transaction of ours.
  const recorded = step.context.facts.last('Transitioned')?.args.to
  if (step.snapshot.due && recorded !== undefined && Number(recorded) !== 0) {
    await pokeInTurn(step, () => act(step, 'poke', []))
  }
  return 'again'
}

/**
 * The DAO may have set another manifest: a seat taken with ours would only be lost in key generation. Asks once for each time
 * that parameters were set. @throws VersionError WRONG_MANIFEST
 */
async function checkManifest({ context }: Step): Promise<void> {
  const { contracts, facts, manifest, remembered } = context
  const proposed = facts.last('ParametersProposed')?.block ?? 0
  if (remembered.agreed === proposed) return
  requireAgreed(await agreedDigests(contracts.service), manifest, RENEW)
  remembered.agreed = proposed
}
