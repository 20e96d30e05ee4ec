// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of a simulated federation.
import type { Partition } from '../data/partition.ts'
import { groupOfRound, type LayerGroup, parametersIn } from '../model/layer-groups.ts'
import type { WeightedUpdate } from '../strategy/mean.ts'
import type { StrategyModule } from '../strategy/module.ts'
import type { Dataset, ModelSpec, ParameterSpec } from '../types.ts'
import type { SimulationConfig } from './config.ts'
import type { PlayerPool } from './worker-pool.ts'

/** The parts that stay the same from round to round. */
export type Federation = {
  readonly spec: ModelSpec
  readonly config: SimulationConfig
  readonly shards: Partition['shards']
  readonly histograms: Partition['histograms']
  readonly test: Dataset
  readonly pool: PlayerPool
  /** Combines weights in place of the configured centre: another system's strategy, for comparison with ours. */
  readonly combine?: Combine | undefined
  /** A module that makes the next weights of the mean, in place of the configured server step. */
  readonly strategy?: StrategyModule | undefined
  /** Groups of layers that rounds cover in turn; none, and every round covers all. */
  readonly layerGroups: readonly LayerGroup[]
}

/** Weights of the members that delivered, in their order; returns the weights to step towards. */
export type Combine = (
  updates: readonly WeightedUpdate[],
  at: { readonly round: number; readonly global: Float32Array },
) => Promise<Float32Array>

/** Parameters that a strategy leaves with the members. */
export function homeParts(strategy: StrategyModule | undefined, spec: ModelSpec): readonly ParameterSpec[] {
  const names = new Set(strategy?.home ?? [])
  return spec.parameters.filter(({ name }) => names.has(name))
}

/** The group of layers that a round covers, and its parameters; null for all. @param round from 0 */
export function coveredIn(
  { layerGroups, spec }: Pick<Federation, 'layerGroups' | 'spec'>,
  round: number,
): { readonly name: string; readonly parts: readonly ParameterSpec[] } | null {
  if (layerGroups.length === 0) return null
  const group = layerGroups[groupOfRound(layerGroups.length, round + 1)]!
  return { name: group.name, parts: parametersIn(group, spec.parameters) }
}
