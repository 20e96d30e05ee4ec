// SPDX-License-Identifier: GPL-3.0-or-later
// Every screen of the console, once: who adds one names it here, and it is photographed, read by axe in light and dark, walked through with
// the keyboard, squeezed into a phone, and shown a chain that lies.
import type { DeploymentFile } from '../../keepers/chain/index.ts'

export type ConsoleScreen = {
  /** Of its picture in docs/images/console. */
  readonly name: string
  /** Of its address, after `#/`. */
  readonly parts: readonly string[]
  /** What is there once the screen has what it shows, as a selector; its heading unless told. */
  readonly ready?: string
  /** Draws a digit first, so that there is an answer to look at. */
  readonly draw?: true
  /** Pastes these metrics of a keeper first. */
  readonly paste?: string
}

/** Of a keeper that is a member, and short of gas. */
const METRICS = `cohort_member 1
cohort_state{state="Training"} 1
cohort_epoch 3
cohort_round 41
cohort_peers 6
cohort_relayed_peers 1
cohort_operator_balance_ether 0.0143
cohort_rounds_completed_total 38
cohort_samples{part="training"} 12000
cohort_samples{part="holdout"} 1500
cohort_holdout_accuracy_ratio 0.9067
cohort_steps_total{step="commit"} 40
cohort_steps_total{step="reveal"} 40
cohort_steps_total{step="vote"} 38
cohort_errors_total{code="UPDATE_MISSING"} 2
cohort_endpoints_contradicted 0
cohort_build_info{version="0.1.0",node="v24"} 1
`

/** Of the demo: its service has made versions, and its first market is settled. */
export function consoleScreens({ services }: DeploymentFile): readonly ConsoleScreen[] {
  const service = services[0]!.address
  return [
    { name: 'service', parts: ['service'], ready: '.chart canvas' },
    { name: 'version', parts: ['service', service, 'version', '1'], ready: 'dl.facts' },
    { name: 'keeper', parts: ['service', service, 'keeper', `0x${'00'.repeat(19)}01`], ready: '.notice' },
    { name: 'model', parts: ['model'], ready: '.drawing canvas', draw: true },
    { name: 'dao', parts: ['dao'], ready: '.proposal' },
    { name: 'market', parts: ['market'] },
    { name: 'one-market', parts: ['market', '1'], ready: '.question' },
    { name: 'provers', parts: ['provers'] },
    { name: 'ensembles', parts: ['ensembles'] },
    { name: 'guards', parts: ['guards'] },
    { name: 'simulate', parts: ['simulate'] },
    { name: 'operator', parts: ['operator'], ready: 'textarea', paste: METRICS },
  ]
}
