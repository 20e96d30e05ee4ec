// SPDX-License-Identifier: GPL-3.0-or-later
// The input of a layer's writer.
import type { Bounds } from '../graph/program.ts'
import type { Linear } from './linear.ts'

/** The elements of a tensor or of a parameter. */
export type Elements = readonly Linear[]

export type LayerInput = {
  readonly elements: Elements
  /** Of every element, for every admissible input. */
  readonly bounds: Bounds
}

export type ParameterRole = 'weights' | 'bias' | 'scale' | 'table' | 'thresholds'

/** The expressions of a layer's parameter: constants, or committed wires. */
export type Parameters = (role: ParameterRole) => Elements
