// SPDX-License-Identifier: GPL-3.0-or-later
// Every screen of the console, once: who adds one names it here, and it is photographed, read by axe in light and dark, walked through with
// the keyboard, squeezed into a phone, and shown a chain that lies.

/** What screens are about. */
export type Subjects = {
  readonly service: string
  /** A guarded account. */
  readonly account: string
  /** A block of the past. */
  readonly block: number
  /** A registry of claims. */
  readonly registry: string
}

export type ConsoleScreen = {
  /** Of its picture in docs/images/console. */
  readonly name: string
  /** Of its address, after `#/`. */
  readonly parts: (subjects: Subjects) => readonly (string | number)[]
  /** What is there once the screen has what it shows, as a selector; its heading unless told. */
  readonly ready?: string
  /** Draws a digit first, so that there is an answer to look at. */
  readonly draw?: true
  /** Pastes these metrics of a keeper first. */
  readonly paste?: string
  /** Runs a simulation first. */
  readonly run?: true
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

/** Of the demo: its service has made versions, its first market is settled, its first job paid, its first ensemble asked. */
export const SCREENS: readonly ConsoleScreen[] = [
  { name: 'service', parts: () => ['service'], ready: '.chart canvas' },
  { name: 'version', parts: ({ service }) => ['service', service, 'version', 1], ready: 'dl.facts' },
  {
    ...{ name: 'keeper', ready: '.notice' },
    parts: ({ service }) => ['service', service, 'keeper', `0x${'00'.repeat(19)}01`],
  },
  { name: 'past', parts: ({ service, block }) => ['service', service, 'at', block] },
  { name: 'model', parts: () => ['model'], ready: '.drawing canvas', draw: true },
  { name: 'dao', parts: () => ['dao'], ready: '.proposal' },
  { name: 'parameters', parts: () => ['dao', 'parameters'], ready: 'table' },
  { name: 'guardians', parts: () => ['dao', 'guardians'] },
  { name: 'market', parts: () => ['market'], ready: 'table' },
  { name: 'one-market', parts: () => ['market', 1], ready: '.question' },
  { name: 'provers', parts: () => ['provers'], ready: 'table' },
  { name: 'job', parts: () => ['provers', 1], ready: 'table' },
  { name: 'ensembles', parts: () => ['ensembles'], ready: 'table' },
  { name: 'ensemble', parts: () => ['ensembles', 1], ready: 'table' },
  { name: 'question', parts: () => ['ensembles', 1, 'question', 1], ready: 'table' },
  { name: 'guards', parts: () => ['guards'], ready: 'table' },
  { name: 'guarded-account', parts: ({ account }) => ['guards', account], ready: 'dl.facts' },
  { name: 'claims', parts: ({ registry }) => ['claims', registry], ready: 'table' },
  { name: 'claim', parts: ({ registry }) => ['claims', registry, 2], ready: 'dl.facts' },
  { name: 'simulate', parts: () => ['simulate'], run: true },
  { name: 'operator', parts: () => ['operator'], ready: 'textarea', paste: METRICS },
]
