// SPDX-License-Identifier: GPL-3.0-or-later
// Measures, on people who are not in training, how often strangers are taken for one another, and how often people are not recognised.
import type { IntegerProgram } from '../../zkml/index.ts'
import { drawFace } from './faces.ts'
import { PEOPLE } from './model.ts'
import { embeddingOf, enrol, nearness } from './network.ts'

/** Pictures that enrolment takes the template from. */
export const ENROLMENT_SHOTS = 3

export type FaceScores = {
  /** Signed squared cosines between a person's template and later pictures of the same person. */
  readonly genuine: readonly number[]
  /** The same with pictures of others. */
  readonly impostor: readonly number[]
}

export type RatePoint = {
  readonly threshold: number
  /** Fraction of strangers above the threshold (FMR); below, of the person's own pictures below it (FNMR). */
  readonly falseMatch: number
  readonly falseNonMatch: number
}

/** @param first number of the first person, at least PEOPLE.train */
export function faceScores(
  program: IntegerProgram,
  { seed = 1, first = PEOPLE.train, people, shots }: { seed?: number; first?: number; people: number; shots: number },
): FaceScores {
  const genuine: number[] = []
  const impostor: number[] = []
  const templates = Array.from({ length: people }, (_, i) =>
    enrol(
      program,
      Array.from({ length: ENROLMENT_SHOTS }, (_, shot) => drawFace(seed, first + i, shot)),
    ),
  )
  for (let i = 0; i < people; i++) {
    for (let shot = 0; shot < shots; shot++) {
      const embedding = embeddingOf(program, drawFace(seed, first + i, ENROLMENT_SHOTS + shot))
      for (const [k, template] of templates.entries()) {
        ;(k === i ? genuine : impostor).push(nearness(embedding, template))
      }
    }
  }
  return { genuine, impostor }
}

/** Both rates at a threshold. */
export function ratesAt({ genuine, impostor }: FaceScores, threshold: number): RatePoint {
  return {
    threshold,
    falseMatch: impostor.filter((score) => score >= threshold).length / impostor.length,
    falseNonMatch: genuine.filter((score) => score < threshold).length / genuine.length,
  }
}

/** The lowest threshold, in steps of a thousandth, at which at most the fraction `rate` of strangers pass. */
export function thresholdFor(scores: FaceScores, rate: number): number {
  for (let permille = 0; permille < 1000; permille++) {
    if (ratesAt(scores, permille / 1000).falseMatch <= rate) return permille / 1000
  }
  return 1
}
