// SPDX-License-Identifier: GPL-3.0-or-later
// Poseidon over BN254's scalar field with circomlib's parameters (x^5, 8 full rounds; Grassi et al., eprint 2019/458),
// and the chain that hashes any number of elements. circuits/lib/poseidon.circom computes the same.
import {
  poseidon1,
  poseidon2,
  poseidon3,
  poseidon4,
  poseidon5,
  poseidon6,
  poseidon7,
  poseidon8,
  poseidon9,
  poseidon10,
  poseidon11,
  poseidon12,
  poseidon13,
  poseidon14,
  poseidon15,
  poseidon16,
} from 'poseidon-lite'

const BY_WIDTH = [
  poseidon1,
  poseidon2,
  poseidon3,
  poseidon4,
  poseidon5,
  poseidon6,
  poseidon7,
  poseidon8,
  poseidon9,
  poseidon10,
  poseidon11,
  poseidon12,
  poseidon13,
  poseidon14,
  poseidon15,
  poseidon16,
]

/** The widest permutation that circomlib has constants for. */
export const POSEIDON_MAX_INPUTS = 16

/** Poseidon of 1 to 16 field elements. @throws RangeError for any other number of them. */
export function poseidon(inputs: readonly bigint[]): bigint {
  const permutation = BY_WIDTH[inputs.length - 1]
  if (permutation === undefined) throw new RangeError(`Poseidon takes 1 to 16 elements, not ${inputs.length}`)
  return permutation([...inputs])
}

/**
 * h₀ = first; hᵢ₊₁ = Poseidon(hᵢ, next ≤ 15 elements); the last h. Merkle–Damgård over Poseidon: collision resistant among
 * lists of ONE length, so `first` has to fix the length (see commitment.ts). At least one element.
 */
export function poseidonChain(first: bigint, elements: readonly bigint[]): bigint {
  if (elements.length === 0) throw new RangeError('a Poseidon chain needs at least one element')
  let state = first
  for (let at = 0; at < elements.length; at += POSEIDON_MAX_INPUTS - 1) {
    state = poseidon([state, ...elements.slice(at, at + POSEIDON_MAX_INPUTS - 1)])
  }
  return state
}
