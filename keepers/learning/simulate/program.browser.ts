// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for program.ts in a page.

import { LearningError } from '../errors.ts'
import type { TrainerCommand } from '../external/command.ts'
import type { ModelSpec } from '../types.ts'
import type { Program } from './program.ts'

/** @throws LearningError BAD_SIMULATION always */
export function openProgram(_spec: ModelSpec, command: TrainerCommand): Program {
  throw new LearningError('BAD_SIMULATION', `simulation: a page runs no programs: leave out trainer ${command.command}`)
}
