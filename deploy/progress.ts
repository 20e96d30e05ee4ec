// SPDX-License-Identifier: GPL-3.0-or-later
import type { ExecutionEventListener } from '@nomicfoundation/ignition-core'

type Completed = { readonly futureId?: string; readonly result?: { readonly type: string } }

/** Events of Ignition that end a step which sent a transaction. */
const COMPLETIONS = new Set(['deploymentExecutionStateComplete', 'callExecutionStateComplete'])

/**
 * A listener that reports each finished step and ignores the rest of Ignition's two dozen events.
 * @param onStep gets the step's name, such as `Governance#CohortToken`, and whether it succeeded.
 */
export function stepListener(onStep: (step: string, succeeded: boolean) => void): ExecutionEventListener {
  return new Proxy({} as ExecutionEventListener, {
    get: (_, name) => async (event: Completed) => {
      if (typeof name !== 'string' || !COMPLETIONS.has(name) || event.futureId === undefined) return
      onStep(event.futureId, event.result?.type === 'SUCCESS')
    },
  })
}
