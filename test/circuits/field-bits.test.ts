// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { anyField, bitsOf, random } from './baby-points.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, P } from './gadget.ts'

describe('bits of a field element', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('field-bits')
  })
  const limit = 3n << 252n
  const interesting = [0n, 1n, P - 1n, P - 2n, limit - 1n, limit, limit + 1n, (1n << 253n) - 1n, 1n << 253n]

  it('have the stated cost, and give the bits', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['field-bits']!.constraints)
    for (const value of [...interesting, ...Array.from({ length: 20 }, anyField)]) {
      const witness = circuit.witness({ in: value })
      expect(circuit.system.firstViolation(witness)).to.equal(null)
      expect(circuit.values(witness, 'bit', 254)).to.deep.equal(bitsOf(value, 254))
    }
  })

  it('are open in the two highest alone, by the analyser’s rules', () => {
    expect(circuit.open('bit[253]', 'bit[252]')).to.deep.equal([])
  })

  it('refuse value + p, whatever the other signals', () => {
    const values = [0n, 1n, (1n << 254n) - 1n - P, ...Array.from({ length: 20 }, () => anyField() % ((1n << 254n) - P))]
    for (const value of values) {
      const probe = circuit.system.probe(circuit.witness({ in: value }))
      const bits = bitsOf(value + P, 254)
      const low = (value + P) % (1n << 252n)
      const difference = field(P - limit - 1n - low)
      const forged: Record<string, bigint> = Object.fromEntries(bits.map((bit, i) => [`bit[${i}]`, bit]))
      Object.assign(forged, { high: 1n, excess: low, 'below.in': difference })
      for (let i = 0; i < 246; i++) forged[`below.high[${i}]`] = (difference >> BigInt(i + 1)) & 1n
      circuit.expectRefused(probe, forged, `${value} + p`)
      circuit.expectRefused(probe, { ...forged, high: 0n, excess: 0n, 'below.in': P - limit - 1n }, 'no comparison')
    }
  })

  it('refuse every mutation', () => {
    for (const value of [5n, P - 1n, anyField()]) {
      expectMutationsRefused(circuit, circuit.witness({ in: value }), circuit.derivedWires, 400, random)
    }
  })
})
