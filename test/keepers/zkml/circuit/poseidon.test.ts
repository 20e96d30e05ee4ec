// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import {
  POSEIDON_FULL_ROUNDS,
  POSEIDON_MAX_INPUTS,
  poseidon,
  poseidonParameters,
} from '../../../../keepers/zkml/circuit/poseidon.ts'
import { seeded } from './programs.ts'

/** As the paper defines it: constants, S-box, matrix, in every round. */
function asDefined(inputs: readonly bigint[]): bigint {
  const { partialRounds, roundConstants, mds } = poseidonParameters(inputs.length)
  const half = POSEIDON_FULL_ROUNDS / 2
  let state = [0n, ...inputs]
  for (const [round, constants] of roundConstants.entries()) {
    const isFull = round < half || round >= half + partialRounds
    const boxed = state.map((element, j) => {
      const sum = element + constants[j]!
      return isFull || j === 0 ? sum ** 5n % SCALAR_FIELD : sum
    })
    state = mds.map((row) => row.reduce((sum, factor, j) => sum + factor * boxed[j]!, 0n) % SCALAR_FIELD)
  }
  return state[0]!
}

describe('Poseidon', () => {
  it('is the function that its rounds define, of each width, and of elements at the ends of the field', () => {
    const random = seeded(7)
    const element = (): bigint => {
      let value = 0n
      for (let i = 0; i < 8; i++) value = (value << 32n) | BigInt(Math.floor(random() * 2 ** 32))
      return value % SCALAR_FIELD
    }
    for (let count = 1; count <= POSEIDON_MAX_INPUTS; count++) {
      const cases = [
        Array<bigint>(count).fill(0n),
        Array<bigint>(count).fill(SCALAR_FIELD - 1n),
        ...Array.from({ length: 3 }, () => Array.from({ length: count }, element)),
      ]
      for (const inputs of cases) expect(poseidon(inputs), `${inputs}`).to.equal(asDefined(inputs))
    }
  })
})
