// SPDX-License-Identifier: GPL-3.0-or-later
import type { Behaviour } from '../context.ts'
import type { StateName } from '../states.ts'
import { aggregate } from './aggregate.ts'
import { check } from './check.ts'
import { decrypt } from './decrypt.ts'
import { keyCommit } from './key-commit.ts'
import { keyConfirm } from './key-confirm.ts'
import { keyJudge } from './key-judge.ts'
import { keyReveal } from './key-reveal.ts'
import { registration } from './registration.ts'
import { reveal } from './reveal.ts'
import { training } from './training.ts'
import { vote } from './vote.ts'

/** One behaviour for each state of the round machine. */
export const BEHAVIOURS: Readonly<Record<StateName, Behaviour>> = {
  Registration: registration,
  KeyCommit: keyCommit,
  KeyReveal: keyReveal,
  KeyConfirm: keyConfirm,
  KeyJudge: keyJudge,
  Training: training,
  Reveal: reveal,
  Aggregate: aggregate,
  Check: check,
  Decrypt: decrypt,
  Vote: vote,
}
