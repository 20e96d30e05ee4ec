// SPDX-License-Identifier: GPL-3.0-or-later
// In a page, in place of gradient-workers.ts: a page plays whole keepers in its workers, and each of these trains in one thread.
import type { BatchOutcome, Engine } from '../engine/engine.ts'
import { LearningError } from '../errors.ts'
import type { FillSlice, Slices } from './slices.ts'

export class GradientWorkers implements Slices {
  readonly count: number

  constructor(_engine: Engine, count: number) {
    this.count = count
  }

  /** @throws LearningError BAD_PARAMETERS */
  async begin(_batchSize: number): Promise<void> {
    throw new LearningError('BAD_PARAMETERS', `workers is ${this.count}: a page trains with 1`)
  }

  async step(_count: number, _seed: number, _fill: FillSlice): Promise<BatchOutcome> {
    throw new LearningError('BAD_PARAMETERS', 'a page trains in one thread')
  }

  end(): void {}

  close(): void {}
}
