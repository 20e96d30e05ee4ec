// SPDX-License-Identifier: GPL-3.0-or-later
// Modules made from a line of source, and a round for them to play.
import { modelSpec, SeededRandom, StrategyModule, strategyHash } from '../../../keepers/learning/index.ts'

export const { parameters, parameterCount } = modelSpec('mlp', { inputShape: [3], classes: 2 })
export const ROUND = { round: 4, contributors: 3, members: 4 }

export function made(
  source: string,
  settings: Record<string, never | number | string | string[] | boolean> = {},
): StrategyModule {
  const bytes = new TextEncoder().encode(source)
  return new StrategyModule(bytes, { sha256: strategyHash(bytes), settings }, parameters, 'mine.cjs')
}
export const random = new SeededRandom(8)
export const start = () => ({
  weights: Float32Array.from({ length: parameterCount }, () => random.normal()),
  vectors: [],
})
export const mean = Float64Array.from({ length: parameterCount }, () => random.normal() / 10)
export const step = (body: string) =>
  made(`module.exports = { step(input) { const { weights, mean } = input; ${body} } }`)
