// SPDX-License-Identifier: GPL-3.0-or-later
// Statements about batches: accuracy and fairness. True claims have a witness, false and overflowing ones have none.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, fields, INSTANCES, type InstanceName, P } from './gadget.ts'

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

  describe('the opposite statements, and odds', () => {
    // Group 1: 3 of 4 right, 2 of 4 positive; the cells are 2 · (label 1) + group.
    const predictions = [1, 1, 0, 0, 1, 0, 0, 0]
    const cell = [3, 3, 3, 1, 2, 2, 0, 0]
    const group = cell.map((value) => value % 2)
    // True positives: 2/3 and 1/2. False positives: 0/1 and 0/2. Positives: 2/4 and 1/4.
    const cases: [InstanceName, object, number[], number[]][] = [
      [
        'correct-below-6',
        { prediction: fields([1, 2, 3, 4, 5, 0]), label: fields([1, 2, 9, 4, 7, 0]) },
        [5, 6, 7],
        [4, 0, 8, -1],
      ],
      ['gap-above-8', { prediction: fields(predictions), group: fields(group) }, [249, 0], [250, 251, 1024, -1]],
      ['odds-at-most-8', { prediction: fields(predictions), cell: fields(cell) }, [167, 1000], [166, 0, 1024, -1]],
      ['odds-above-8', { prediction: fields(predictions), cell: fields(cell) }, [166, 0], [167, 1023, 1024, -1]],
      // Bins: 1 of 2 below 10, and 3 of 4 from there. |500·2 − 1000| + |900·4 − 3000| = 600 of 6000.
      ...(
        [
          ['calibration-at-most-6', [100, 1023], [99, 0, -1, 1024]],
          ['calibration-above-6', [99, 0], [100, 1023, -1]],
        ] as const
      ).map(([name, accepted, refused]): [InstanceName, object, number[], number[]] => [
        name,
        {
          prediction: fields([1, 2, 1, 1, 1, 1]),
          margin: fields([0, 9, 10, 11, 63, 20]),
          label: fields([1, 1, 1, 1, 1, 0]),
        },
        [...accepted],
        [...refused],
      ]),
    ]
    for (const [name, inputs, accepted, refused] of cases)
      it(`${name}: accepts exactly the true claims, costs what it says, leaves nothing open, refuses mutations`, async () => {
        const circuit = await Circuit.instance(name)
        const witness = (claim: number) => circuit.witness({ ...inputs, claim: field(claim) })
        for (const claim of accepted)
          expect(circuit.system.firstViolation(witness(claim)), `claim ${claim}`).to.equal(null)
        for (const claim of refused) expect(() => witness(claim), `claim ${claim}`).to.throw(CircuitError, /constraint/)
        expect(circuit.system.header.constraints).to.equal(INSTANCES[name]!.constraints)
        expect(circuit.open(...(name === 'odds-above-8' ? ['which'] : []))).to.deep.equal([])
        expectMutationsRefused(circuit, witness(accepted[0]!), circuit.derivedWires, 1000, random)
      })

    it('odds above: neither of the gaps is mixed from both, a forgery that the choice being 0 or 1 alone refuses', async () => {
      const rule = 'which * (which - 1) === 0;'
      const library = await readFile('circuits/lib/odds.circom', 'utf8')
      const forging = library.replace(rule, '').replace(/which <-- [^;]*;/, 'which <-- 2;')
      const { template, parameters } = INSTANCES['odds-above-8']!
      const main = `component main {public [claim]} = ${template}(${parameters.join(', ')});`
      const [open, circuit] = await Promise.all([
        Circuit.compile(`${forging}\n${main}\n`, { name: 'odds-above-8-open' }),
        Circuit.instance('odds-above-8'),
      ])
      // Twice the second cells less the first: a gap of 200 of 1,000, where the true one is 166.
      const forged = open.witness({ prediction: fields(predictions), cell: fields(cell), claim: 199n })
      expect(open.system.firstViolation(forged)).to.equal(null)
      expect(forged).to.have.length(circuit.system.header.variables)
      expect(circuit.value(forged, 'which')).to.equal(2n)
      expect(circuit.system.firstViolation(forged)).to.not.equal(null)
    })

    it('an empty group or cell, and marks that are none, have no witness', async () => {
      const [above, most] = await Promise.all([Circuit.instance('gap-above-8'), Circuit.instance('odds-at-most-8')])
      const prediction = fields(predictions)
      for (const marks of [group.map(() => 0), group.map(() => 1), [2, ...group.slice(1)]])
        expect(() => above.witness({ prediction, group: fields(marks), claim: 0n })).to.throw(CircuitError)
      for (const marks of [cell.map((value) => value % 2), [3, 3, 3, 3, 2, 2, 0, 0], [4, ...cell.slice(1)]])
        expect(() => most.witness({ prediction, cell: fields(marks), claim: 1000n })).to.throw(CircuitError)
    })
  })
})
