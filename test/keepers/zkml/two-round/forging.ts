// SPDX-License-Identifier: GPL-3.0-or-later
// What forgeries are made with: a false secret, and checks of a proof for named values.
import { Field } from '@noble/curves/abstract/modular.js'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { verifyTwoRound } from '../../../../keepers/zkml/prove/two-round-verify.ts'
import { challengesOf, twoRoundKeyHash } from '../../../../keepers/zkml/verifier/two-round-key.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { keyFor, type TestKey } from './keys.ts'
import { firstValues, type NamedCircuit, ROWS, secondValues, type Values } from './range-circuit.ts'

export const F = Field(SCALAR_FIELD)
export const signalsOf = (circuit: NamedCircuit, values: Values) =>
  circuit.publicSignals.map((wire) => F.create(values[wire]!))
export const challengesFor = ({ key }: TestKey, circuit: NamedCircuit, values: Values, commitment: G1Point) =>
  challengesOf(twoRoundKeyHash(key), circuit.challenges.length, commitment, signalsOf(circuit, values))
export const named = (circuit: NamedCircuit, challenges: readonly bigint[]): Values =>
  Object.fromEntries(circuit.challenges.map((wire, i) => [wire, challenges[i]!]))
export const holds = (test: TestKey, circuit: NamedCircuit, proof: TwoRoundProof, values: Values) =>
  verifyTwoRound(test.key, proof, signalsOf(circuit, values))
export const refused = async (circuit: NamedCircuit, message: RegExp) => {
  const error = await keyFor(circuit).then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).to.have.property('code', 'r1cs-unsupported')
  expect(String(error)).to.match(message)
}

/** 1000 as its own low limb: everything holds but the lookup. */
export const FALSE_SECRET: Values = {
  ...firstValues(0),
  secret: 1000n,
  low: 1000n,
  'low²': 1_000_000n,
  input: 1_000_000n,
  output: 1_000_000n,
}

/** The multiplicity of row 3 for which the sum holds at a challenge. */
export function multiplicityFor(first: Values, challenge: bigint): bigint {
  const second = secondValues({ ...first, m3: 0n }, [challenge])
  let sum = F.add(second['1/(x−low)']!, second['1/(x−high)']!)
  for (let t = 0; t < ROWS; t++) sum = F.sub(sum, second[`m${t}/(x−${t})`]!)
  return F.mul(sum, challenge - 3n)
}
