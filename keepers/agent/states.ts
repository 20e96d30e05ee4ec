// SPDX-License-Identifier: GPL-3.0-or-later

/** The states of the round machine in the order of the contract's enum; `agent/behaviours` has one file for each. */
export const STATES = [
  'Registration',
  'KeyCommit',
  'KeyReveal',
  'KeyConfirm',
  'KeyJudge',
  'Training',
  'Reveal',
  'Aggregate',
  'Check',
  'Decrypt',
  'Vote',
] as const

export type StateName = (typeof STATES)[number]

/** The published state that each refines. */
export const PUBLISHED_STATE: Readonly<Record<StateName, string>> = {
  Registration: 'RegistrationState',
  KeyCommit: 'RegistrationState',
  KeyReveal: 'RegistrationState',
  KeyConfirm: 'RegistrationState',
  KeyJudge: 'RegistrationState',
  Training: 'TrainingState',
  Reveal: 'UpdateGlobalModelState',
  Aggregate: 'UpdateGlobalModelState',
  Check: 'UpdateGlobalModelState',
  Decrypt: 'UpdateGlobalModelState',
  Vote: 'UpdateGlobalModelState',
}

/**
 * Events of what members do within a state. Only other events, or the deadline, end a state. Until then, these events change nothing for a
 * behaviour that is at work or has done its part.
 */
export const WITHIN_STATE: ReadonlySet<string> = new Set([
  'UpdateCommitted',
  'StaleUpdateCommitted',
  'UpdateRevealed',
  'AggregateAttested',
  'ShareSubmitted',
  'ModelVoted',
])
