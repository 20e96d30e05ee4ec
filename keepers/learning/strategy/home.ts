// SPDX-License-Identifier: GPL-3.0-or-later
// Personal layers: the parts of a member's weights that are its own, out of the flat vector and into it.
import type { ParameterSpec } from '../types.ts'

/** Values in these parts. */
export function homeLength(parts: readonly ParameterSpec[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

/** A copy of the global weights with a member's own parts in them. */
export function withHome(global: Float32Array, parts: readonly ParameterSpec[], own: Float32Array): Float32Array {
  const weights = global.slice()
  let at = 0
  for (const { offset, length } of parts) {
    weights.set(own.subarray(at, at + length), offset)
    at += length
  }
  return weights
}

/** The member's own parts of its trained weights; global ones replace them in `trained`, so that nothing of them is sent. */
export function takeHome(trained: Float32Array, parts: readonly ParameterSpec[], global: Float32Array): Float32Array {
  const own = new Float32Array(homeLength(parts))
  let at = 0
  for (const { offset, length } of parts) {
    own.set(trained.subarray(offset, offset + length), at)
    trained.set(global.subarray(offset, offset + length), offset)
    at += length
  }
  return own
}
