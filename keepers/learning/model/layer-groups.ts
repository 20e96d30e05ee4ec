// SPDX-License-Identifier: GPL-3.0-or-later
// Groups of layers that take turns: a round covers the parameters of one group, and all others stay as they are.
// Block-coordinate descent over the federation's rounds (Tseng, "Convergence of a Block Coordinate Descent Method for Nondifferentiable
// Minimization", 2001), with one block a round.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { ParameterSpec } from '../types.ts'

/** More would leave each layer of any network that keepers train waiting for a day. */
export const MOST_LAYER_GROUPS = 64

export const layerGroupSchema = z.strictObject({
  /** For people, and for a keeper's settings. */
  name: z.string().regex(/^[\w.-]{1,64}$/, 'takes 1 to 64 letters, digits and "_.-"'),
  /** Names of layers: every parameter of each of them belongs to the group. */
  layers: z.array(z.string().min(1).max(256)).min(1),
})
/** In the order of their turns. */
export const layerGroupsSchema = z.array(layerGroupSchema).min(2).max(MOST_LAYER_GROUPS)

export type LayerGroup = z.infer<typeof layerGroupSchema>

/** The layer that a parameter belongs to: its name without the last part, which says what it is (`dense/kernel`). */
function layerOf({ name }: ParameterSpec): string {
  const end = name.lastIndexOf('/')
  return end < 0 ? name : name.slice(0, end)
}

/** Why these groups do not divide the parameters among them, each into exactly one; null if they do. */
export function contradictionInLayerGroups(
  groups: readonly LayerGroup[],
  parameters: readonly ParameterSpec[],
): string | null {
  const layers = new Set(parameters.map(layerOf))
  const taken = new Map<string, string>()
  const names = new Set<string>()
  for (const group of groups) {
    if (names.has(group.name)) return `two groups are called ${group.name}: name each differently`
    names.add(group.name)
    for (const layer of group.layers) {
      if (!layers.has(layer)) {
        return `${group.name}: no layer with parameters is called ${layer}; they are ${[...layers].join(', ')}`
      }
      const other = taken.get(layer)
      if (other !== undefined) return `${layer} is in ${other} and in ${group.name}: leave it in one of them`
      taken.set(layer, group.name)
    }
  }
  const left = [...layers].filter((layer) => !taken.has(layer))
  return left.length === 0 ? null : `${left.join(', ')}: in no group, so no round would train it: add it to one`
}

/**
 * Index of the group that a round covers, whatever became of earlier rounds. Each cycle of as many rounds as there are groups has each group
 * once, and begins one group later than the cycle before: a service that loses every L-th round, as one does whose key is used up after L − 1,
 * would with one order for all cycles never train a group if L divided the number of groups.
 * @param round from 1
 */
export function groupOfRound(groups: number, round: number): number {
  const [cycle, place] = [Math.floor((round - 1) / groups), (round - 1) % groups]
  return (cycle + place) % groups
}

/** The parameters of a group, in the order of the flat vector. */
export function parametersIn({ layers }: LayerGroup, parameters: readonly ParameterSpec[]): ParameterSpec[] {
  const names = new Set(layers)
  return parameters.filter((parameter) => names.has(layerOf(parameter)))
}

const sizeOf = (parts: readonly ParameterSpec[]): number => parts.reduce((sum, { length }) => sum + length, 0)

/**
 * Neighbouring layers in `count` groups with the largest as small as may be, called 1, 2, …
 * @throws LearningError BAD_PARAMETERS when there are fewer layers than groups
 */
export function evenLayerGroups(parameters: readonly ParameterSpec[], count: number): LayerGroup[] {
  const layers = [...new Set(parameters.map(layerOf))]
  const sizes = layers.map((layer) => sizeOf(parametersIn({ name: layer, layers: [layer] }, parameters)))
  const most = Math.min(layers.length, MOST_LAYER_GROUPS)
  if (count > most || count < 2) {
    const found = layers.length === 1 ? '1 layer' : `${layers.length} layers`
    const fix = most < 2 ? 'leave them out' : `give 2 to ${most}`
    throw new LearningError('BAD_PARAMETERS', `${count} layer groups: the model has ${found} with parameters: ${fix}`)
  }
  // best[k][i]: the smallest largest group of the first i layers in k groups, and where the last of them begins.
  const total = [0]
  for (const size of sizes) total.push(total.at(-1)! + size)
  let best = total
  const begins: number[][] = []
  for (let groups = 2; groups <= count; groups++) {
    const next = new Array<number>(layers.length + 1).fill(Number.POSITIVE_INFINITY)
    const begin = new Array<number>(layers.length + 1).fill(0)
    for (let end = groups; end <= layers.length; end++) {
      for (let from = groups - 1; from < end; from++) {
        const largest = Math.max(best[from]!, total[end]! - total[from]!)
        if (largest < next[end]!) [next[end], begin[end]] = [largest, from]
      }
    }
    begins.push(begin)
    best = next
  }
  const edges = [layers.length]
  for (const begin of begins.reverse()) edges.unshift(begin[edges[0]!]!)
  edges.unshift(0)
  return edges.slice(1).map((end, i) => ({ name: `${i + 1}`, layers: layers.slice(edges[i], end) }))
}

/** The values of these parameters, one after another. */
export function valuesIn<T extends Float32Array | Float64Array>(vector: T, parts: readonly ParameterSpec[]): T {
  const values = new (vector.constructor as new (length: number) => T)(sizeOf(parts))
  let at = 0
  for (const { offset, length } of parts) {
    values.set(vector.subarray(offset, offset + length), at)
    at += length
  }
  return values
}

/** A copy of `vector` with these values in the place of the parameters'. */
export function withValues(
  vector: Float32Array,
  parts: readonly ParameterSpec[],
  values: Float32Array,
): Float32Array<ArrayBuffer> {
  const copy = vector.slice()
  let at = 0
  for (const { offset, length } of parts) {
    copy.set(values.subarray(at, at + length), offset)
    at += length
  }
  return copy
}
