// SPDX-License-Identifier: GPL-3.0-or-later
// A program that trains in a simulated keeper's place, and the folder that its rounds leave files in.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TrainerCommand } from '../external/command.ts'
import { ExternalTrainer } from '../external/trainer.ts'
import type { ModelSpec } from '../types.ts'

export type Program = { readonly trainer: Pick<ExternalTrainer, 'train'>; close(): void }

/** @throws LearningError when the program cannot be run */
export function openProgram(spec: ModelSpec, command: TrainerCommand): Program {
  const scratch = mkdtempSync(join(tmpdir(), 'cohort-simulate-'))
  const close = (): void => rmSync(scratch, { recursive: true, force: true })
  try {
    return { trainer: new ExternalTrainer(spec, command, scratch), close }
  } catch (error) {
    close()
    throw error
  }
}
