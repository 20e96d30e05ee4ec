// SPDX-License-Identifier: GPL-3.0-or-later
// How a spoiling keeper falsifies its own updates. Used by the demo's spoilers and by the end-to-end tests.

import { BEHAVIOURS } from '../../keepers/agent/behaviours/index.ts'
import type { Behaviour, Step } from '../../keepers/agent/context.ts'
import { frameHere, isMember } from '../../keepers/agent/frame.ts'
import { hasSeat } from '../../keepers/chain/seats.ts'

/** Of the bytes of an update: where its proof begins is the caller's business; these are well inside the ciphertexts. */
const FROM = 1 / 8
const TO = 2 / 8

/**
 * Replaces a part of an update's ciphertexts by zeros, which are residues like any other: the encrypted content is now rubbish of
 * full size. The accompanying proof is still well-formed, and its public part holds whatever the ciphertexts are; only the values
 * dealt to each member reveal the fraud.
 */
export function forge(update: Uint8Array): Uint8Array {
  const sent = update.slice()
  const words = Math.floor(sent.length / 8)
  sent.fill(0, 8 * Math.floor(words * FROM) + (sent.length % 8), 8 * Math.floor(words * TO) + (sent.length % 8))
  return sent
}

/** The step with a data plane that changes this keeper's update on its way out. */
export function spoiling(step: Step, updateBytes: number, change: (update: Uint8Array) => Uint8Array): Step {
  const { plane } = step.context
  const publish: typeof plane.publish = (bytes, options) =>
    plane.publish(bytes.length === updateBytes ? change(bytes) : bytes, options)
  const spoiled = new Proxy(plane, {
    get(target, name) {
      if (name === 'publish') return publish
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...step, context: { ...step.context, plane: spoiled } }
}

/** Training as it should be, but for the update that is published. */
export function falseTraining(change: (update: Uint8Array) => Uint8Array): Behaviour {
  return async (step) => {
    const { committed } = step.snapshot.roundInfo
    if (!isMember(step) || hasSeat(committed, step.seat) || step.snapshot.epochInfo.epoch !== step.snapshot.epoch) {
      return BEHAVIOURS.Training(step)
    }
    const { plan } = await frameHere(step)
    return BEHAVIOURS.Training(spoiling(step, plan.bytes.update, change))
  }
}
