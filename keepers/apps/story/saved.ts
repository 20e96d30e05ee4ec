// SPDX-License-Identifier: GPL-3.0-or-later
// The trained reader of launch news that ships with the project. `cohort story train` makes exactly the same file.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Model } from '../../learning/index.ts'
import { readModelFile, writeModelFile } from '../../learning/index.ts'
import { headlineSpec, type TrainedReader } from './model.ts'

const FILE = new URL('./launch-news.json', import.meta.url)

const READER = {
  format: 'cohort-headline-reader',
  name: 'headline reader',
  spec: headlineSpec,
  figures: z.object({
    /** On headlines with phrasing that training never saw. */
    testAccuracy: z.number().min(0).max(1),
    testHeadlines: z.number().int().positive(),
  }),
}

/** The file of a trained reader. */
export function savedReader({ model, evaluation }: TrainedReader, seed: number): string {
  return writeModelFile(READER, model, seed, {
    testAccuracy: evaluation.accuracy,
    testHeadlines: evaluation.count,
  })
}

/** The reader that ships with the project, or the one in a file's text. @throws LearningError BAD_MODEL naming the field */
export function launchNewsReader(text: string = readFileSync(FILE, 'utf8')): Model {
  return readModelFile(READER, text)
}
