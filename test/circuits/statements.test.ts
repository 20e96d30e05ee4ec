// SPDX-License-Identifier: GPL-3.0-or-later
// Statements about batches: accuracy and fairness. True claims have a witness, false and overflowing ones have none.
import { expect } from 'chai'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, fields, INSTANCES, P } from './gadget.ts'

describe('statements about batches', function () {
  this.timeout(60_000)
  const random = seeded(5)

  describe('CorrectAtLeast', () => {
    let circuit: Circuit
    const inputs = (claim: number | bigint) => ({
      prediction: fields([1, 2, 3, 4, 5, 0]),
      label: fields([1, 2, 9, 4, 7, 0]),
      claim: field(claim),
    })
    before(async () => {
      circuit = await Circuit.instance('correct-at-least-6')
    })

    it('accepts exactly the claims up to the number that is correct', () => {
      for (const claim of [0, 1, 4])
        expect(circuit.system.firstViolation(circuit.witness(inputs(claim)))).to.equal(null)
      for (const claim of [5, 6, 7, 8])
        expect(() => circuit.witness(inputs(claim))).to.throw(CircuitError, /constraint/)
    })

    it('refuses a negative claim, which a reader would take for a huge one', () => {
      for (const claim of [-1, -2, P - 100n]) expect(() => circuit.witness(inputs(claim))).to.throw(CircuitError)
    })

    it('costs what it says, leaves nothing open, refuses mutations', () => {
      expect(circuit.system.header.constraints).to.equal(INSTANCES['correct-at-least-6']!.constraints)
      expect(circuit.open()).to.deep.equal([])
      expectMutationsRefused(circuit, circuit.witness(inputs(4)), circuit.derivedWires, 1000, random)
    })
  })

  describe('GapAtMost', () => {
    let circuit: Circuit
    // Group 1: 3 members, 2 positive. Group 0: 5 members, 1 positive. Gap 2/3 − 1/5 = 466.7 permille.
    const inputs = (claim: number | bigint, group = [1, 1, 1, 0, 0, 0, 0, 0]) => ({
      prediction: fields([1, 1, 0, 1, 0, 0, 2, 0]),
      group: fields(group),
      claim: field(claim),
    })
    before(async () => {
      circuit = await Circuit.instance('gap-at-most-8')
    })

    it('accepts exactly the claims from the gap up', () => {
      for (const claim of [467, 500, 1000, 1023]) {
        expect(circuit.system.firstViolation(circuit.witness(inputs(claim)))).to.equal(null)
      }
      for (const claim of [466, 0, 1024, -1]) expect(() => circuit.witness(inputs(claim))).to.throw(CircuitError)
    })

    it('is symmetric in the groups', () => {
      const swapped = [0, 0, 0, 1, 1, 1, 1, 1]
      expect(() => circuit.witness(inputs(466, swapped))).to.throw(CircuitError)
      expect(circuit.system.firstViolation(circuit.witness(inputs(467, swapped)))).to.equal(null)
    })

    it('refuses an empty group and a group that is neither 0 nor 1', () => {
      expect(() => circuit.witness(inputs(1000, new Array(8).fill(0)))).to.throw(CircuitError)
      expect(() => circuit.witness(inputs(1000, new Array(8).fill(1)))).to.throw(CircuitError)
      expect(() => circuit.witness(inputs(1000, [2, 1, 1, 0, 0, 0, 0, 0]))).to.throw(CircuitError)
    })

    it('costs what it says, leaves nothing open, refuses mutations', () => {
      expect(circuit.system.header.constraints).to.equal(INSTANCES['gap-at-most-8']!.constraints)
      expect(circuit.open()).to.deep.equal([])
      expectMutationsRefused(circuit, circuit.witness(inputs(480)), circuit.derivedWires, 1000, random)
    })
  })
})
