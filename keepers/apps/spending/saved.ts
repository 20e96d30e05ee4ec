// SPDX-License-Identifier: GPL-3.0-or-later
// The trained fraud model that ships with the project. `cohort spend train` makes exactly the same file.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Model } from '../../learning/index.ts'
import { readModelFile, writeModelFile } from '../../learning/index.ts'
import { spendSpec, type TrainedSpendModel } from './model.ts'

const FILE = new URL('./spend-fraud.json', import.meta.url)

const share = z.number().min(0).max(1)
const SPEND_MODEL = {
  format: 'cohort-spend-model',
  name: 'spend model',
  spec: spendSpec,
  figures: z.object({
    /** On accounts that training never saw, the unseen pattern of theft left out. */
    testAccuracy: share,
    testSpends: z.number().int().positive(),
    /** On the same accounts: fraction of thefts found; below, of owners' transactions taken for thefts. */
    testRecall: share,
    testFalseAlarms: share,
  }),
}

/** The file of a trained model. */
export function savedSpendModel({ model, test }: TrainedSpendModel, seed: number): string {
  return writeModelFile(SPEND_MODEL, model, seed, {
    testAccuracy: test.accuracy,
    testSpends: test.thefts + test.ordinary,
    testRecall: test.recall,
    testFalseAlarms: test.falseAlarms,
  })
}

/** The model that ships with the project, or the one in a file's text. @throws LearningError BAD_MODEL naming the field */
export function spendModel(text: string = readFileSync(FILE, 'utf8')): Model {
  return readModelFile(SPEND_MODEL, text)
}
