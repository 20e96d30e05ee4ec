// SPDX-License-Identifier: GPL-3.0-or-later
// Poseidon over BN254's scalar field with circomlib's parameters (x^5, 8 full rounds; Grassi et al., eprint 2019/458),
// and the chain that hashes any number of elements. circuits/lib/poseidon.circom computes the same.
import { Field } from '@noble/curves/abstract/modular.js'
import { grainGenConstants } from '@noble/curves/abstract/poseidon.js'
import { SCALAR_FIELD } from '../bn254.ts'
import { apply, type PartialRounds, partialRoundsOf } from './poseidon-partial.ts'

/** Half of them before the partial rounds, half after. */
export const POSEIDON_FULL_ROUNDS = 8
/** By number of inputs, as circomlib has them: those of the paper, rounded up to a multiple of the width. */
const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68]

/** The widest permutation that circomlib has constants for. */
export const POSEIDON_MAX_INPUTS = PARTIAL_ROUNDS.length

/** What a permutation is made of. Its width is one more than the number of inputs. */
type PoseidonParameters = {
  readonly partialRounds: number
  /** Added to the state at the start of each round. */
  readonly roundConstants: readonly (readonly bigint[])[]
  /** Rows of the matrix that ends each round. */
  readonly mds: readonly (readonly bigint[])[]
}

// All sixteen take 0.1 s, which is a sixth of a keeper's start; most processes need one or two of them, and many none.
const parameters = new Map<number, PoseidonParameters>()

/** The parameters for 1 to 16 inputs, from the paper's generator (Grain LFSR). @throws RangeError for any other number of them */
export function poseidonParameters(inputs: number): PoseidonParameters {
  const partialRounds = PARTIAL_ROUNDS[inputs - 1]
  if (partialRounds === undefined) throw new RangeError(`Poseidon takes 1 to 16 elements, not ${inputs}`)
  const known = parameters.get(inputs)
  if (known !== undefined) return known
  const made = grainGenConstants({
    Fp: Field(SCALAR_FIELD),
    t: inputs + 1,
    roundsFull: POSEIDON_FULL_ROUNDS,
    roundsPartial: partialRounds,
    sboxPower: 5,
  })
  const result = { partialRounds, ...made }
  parameters.set(inputs, result)
  return result
}

const partial = new Map<number, PartialRounds>()

function partialOf(inputs: number): PartialRounds {
  let known = partial.get(inputs)
  if (known === undefined) {
    const { roundConstants, mds, partialRounds } = poseidonParameters(inputs)
    const first = POSEIDON_FULL_ROUNDS / 2
    known = partialRoundsOf(mds, roundConstants.slice(first, first + partialRounds + 1))
    partial.set(inputs, known)
  }
  return known
}

function fifthPower(x: bigint): bigint {
  const square = (x * x) % SCALAR_FIELD
  return (((square * square) % SCALAR_FIELD) * x) % SCALAR_FIELD
}

/** Poseidon of 1 to 16 field elements. @throws RangeError for any other number of them */
export function poseidon(inputs: readonly bigint[]): bigint {
  const { roundConstants, mds, partialRounds } = poseidonParameters(inputs.length)
  const { before, rounds, after } = partialOf(inputs.length)
  const half = POSEIDON_FULL_ROUNDS / 2
  const fullRound = (state: readonly bigint[], constants: readonly bigint[]): bigint[] =>
    // Reduced by the S-box, which also reduces what the partial rounds leave.
    apply(
      mds,
      state.map((element, j) => fifthPower(element + constants[j]!)),
    )
  let state = [0n, ...inputs]
  for (const constants of roundConstants.slice(0, half)) state = fullRound(state, constants)
  state = [state[0]!, ...apply(before, state.slice(1))]
  for (const { constant, corner, row, column } of rounds) {
    const boxed = fifthPower(state[0]! + constant)
    let first = corner * boxed
    // The other elements are sums of products until the next full round: a reduction each costs more than it saves.
    for (let j = 0; j < row.length; j++) {
      first += row[j]! * state[j + 1]!
      state[j + 1]! += column[j]! * boxed
    }
    state[0] = first % SCALAR_FIELD
  }
  const last = roundConstants.slice(half + partialRounds)
  for (const [i, constants] of last.entries()) state = fullRound(state, i === 0 ? after : constants)
  return state[0]!
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
