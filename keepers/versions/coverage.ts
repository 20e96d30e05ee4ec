// SPDX-License-Identifier: GPL-3.0-or-later
// The part of a model that a round covers. It follows from the manifest and the number of the round, so members, and anybody else who
// has the manifest, agree on it without a message.
import { groupOfRound, type ParameterSpec, parametersIn } from '../learning/index.ts'
import type { RoundTerms } from './terms.ts'

/** A part of the parameters. */
export type Covered = {
  /** Index of the group in the manifest's order, from 0. */
  readonly index: number
  readonly name: string
  /** The covered parameters, in the order of the flat vector. */
  readonly parts: readonly ParameterSpec[]
  /** Number of values in them. An update begins with these values, and zeros follow up to its full length. */
  readonly length: number
}

/** Determines which part of a model each round covers. */
export class Coverage {
  readonly #groups: readonly Covered[]
  /** Values in an update of any round: those of the largest group, or of the whole model. All messages of an epoch have this size. */
  readonly updateLength: number

  /** @param parameters of the manifest's model, whose layers the groups name */
  constructor({ layerGroups = [] }: Pick<RoundTerms, 'layerGroups'>, parameters: readonly ParameterSpec[]) {
    const sum = (parts: readonly ParameterSpec[]) => parts.reduce((total, { length }) => total + length, 0)
    this.#groups = layerGroups.map((group, index) => {
      const parts = parametersIn(group, parameters)
      return { index, name: group.name, parts, length: sum(parts) }
    })
    this.updateLength =
      layerGroups.length === 0 ? sum(parameters) : Math.max(...this.#groups.map((each) => each.length))
  }

  /** The part that a round covers; null for the whole model. @param round from 1 */
  of(round: number): Covered | null {
    const { length } = this.#groups
    return length === 0 ? null : this.#groups[groupOfRound(length, round)]!
  }
}
