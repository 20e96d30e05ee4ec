// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { newMemory } from '../../../../keepers/zkml/ceremony/two-round/memory.ts'
import { Scaler } from '../../../../keepers/zkml/ceremony/two-round/scale.ts'
import { bytesToField, concatenate, fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { FixedBase } from '../../../../keepers/zkml/setup/fixed-base.ts'
import { drawFieldElement } from '../../../../keepers/zkml/setup/secrets.ts'

describe('points of G1 times one scalar', () => {
  it('are the products with the generator of the products of scalars, infinity and all sizes included', async () => {
    const memory = await newMemory()
    const generator = new FixedBase(memory, 'g1', 6)
    const of = (scalars: bigint[]) => generator.multiply(concatenate(scalars.map(fieldToBytes)))
    const drawn = () => bytesToField(drawFieldElement())
    const exponents = [0n, 1n, 2n, SCALAR_FIELD - 1n, ...Array.from({ length: 12 }, drawn)]
    const edges = [1n, 2n, 15n, 16n, 2n ** 127n, 2n ** 253n, (SCALAR_FIELD + 1n) / 2n, SCALAR_FIELD - 1n]
    for (const scalar of [...edges, ...Array.from({ length: 20 }, drawn)]) {
      const found = new Scaler(memory, scalar).multiply(of(exponents))
      const expected = of(exponents.map((exponent) => (exponent * scalar) % SCALAR_FIELD))
      expect(Buffer.from(found).equals(expected), `${scalar}`).to.equal(true)
    }
  })
})
