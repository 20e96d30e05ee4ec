// SPDX-License-Identifier: GPL-3.0-or-later
// The trained network of faces that ships with the project. `cohort identity train --seed 1` makes exactly the same file.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type Model, readModelFile, writeModelFile } from '../../learning/index.ts'
import { faceSpec, PEOPLE } from './model.ts'
import { faceProgram, NEARNESS } from './network.ts'
import { faceScores, ratesAt } from './rates.ts'

const FILE = new URL('./faces.json', import.meta.url)

const share = z.number().min(0).max(1)
const FACE_MODEL = {
  format: 'cohort-face-model',
  name: 'face model',
  spec: faceSpec,
  figures: z.object({
    /** Of drawn people that training never saw, at the circuit's threshold. */
    falseMatch: share,
    falseNonMatch: share,
    people: z.number().int().positive(),
  }),
}

/** People for the figures in the file: neither in training nor among those on whom the threshold was chosen. */
export const JUDGED = { first: PEOPLE.train + 1_000, people: 100, shots: 5 } as const
/** People on whom the threshold was chosen. */
export const CHOSEN_ON = { first: PEOPLE.train, people: 100, shots: 5 } as const

/** The file of a trained network, with its rates on drawn people. */
export function savedFaceModel(model: Model, seed: number): string {
  const scores = faceScores(faceProgram(model, seed), { seed, ...JUDGED })
  const { falseMatch, falseNonMatch } = ratesAt(scores, NEARNESS.numerator / NEARNESS.denominator)
  return writeModelFile(FACE_MODEL, model, seed, { falseMatch, falseNonMatch, people: JUDGED.people })
}

/** The network that ships with the project, or the one in a file's text. @throws LearningError BAD_MODEL naming the field */
export function faceModel(text: string = readFileSync(FILE, 'utf8')): Model {
  return readModelFile(FACE_MODEL, text)
}
