// SPDX-License-Identifier: GPL-3.0-or-later
// Invents people, in the public domain since nobody's data went in: draws them from a small graphical model by a seed. Each arrow of the model is a
// table of weights that depends on the values drawn before.
import { SeededRandom } from '../../learning/index.ts'
import type { Row } from './schema.ts'

/** Weights of values by another column's value: closer indices are likelier. */
const near = (width: number, centre: number, spread: number): number[] =>
  Array.from({ length: width }, (_, v) => Math.exp(-((v - centre) ** 2) / (2 * spread * spread)))

/**
 * Rows of CENSUS_COLUMNS: age, sex and region first, education by age and region, occupation by education, age and sex, household by age,
 * hours by occupation and sex, income by all of them. The same seed gives the same rows everywhere.
 */
export function generateCensus(rows: number, seed: number): Row[] {
  const random = new SeededRandom(seed)
  const draw = (weights: readonly number[]): number => {
    let at = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0)
    for (const [value, weight] of weights.entries()) {
      at -= weight
      if (at < 0) return value
    }
    return weights.length - 1
  }
  return Array.from({ length: rows }, () => {
    const age = draw([15, 18, 17, 17, 15, 11, 7])
    const sex = draw([51, 49])
    const region = draw([22, 18, 25, 15, 15, 5])
    const education = draw(
      near(5, 2.6 - 0.25 * Math.max(0, age - 3) - (age === 0 ? 0.8 : 0) + (region === 4 ? 0.6 : 0), 1.1),
    )
    const retired = age >= 5
    const without = retired ? 30 : age === 0 ? 2 : 0.6
    const skilled = near(6, 1.35 * education - 0.6 - (age === 0 ? 1 : 0) + 0.3 * sex, 1.3)
    const occupation = draw([without * 0.4, ...skilled])
    const household = draw(near(5, age === 0 ? 2.6 : age <= 3 ? 2.2 : 0.9, 1.1))
    const hours = occupation === 0 ? 0 : 1 + draw(sex === 1 ? [8, 25, 67] : [22, 38, 40])
    const score =
      -3.1 +
      0.55 * education +
      0.38 * occupation +
      0.45 * hours +
      0.35 * sex +
      (age === 0 ? -1.4 : 0.12 * Math.min(age, 4)) +
      (region === 4 ? 0.5 : region === 5 ? -0.4 : 0) -
      (occupation === 0 ? 1 : 0)
    const income = random.uniform() < 1 / (1 + Math.exp(-1.6 * (score - 1.1))) ? 1 : 0
    return [age, sex, region, education, occupation, household, hours, income]
  })
}
