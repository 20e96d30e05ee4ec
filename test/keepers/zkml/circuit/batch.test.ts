// SPDX-License-Identifier: GPL-3.0-or-later
// Accuracy and fairness of a committed model on a committed batch: true claims have a witness that says only them.
import { expect } from 'chai'
import { type Batch, batchInputs, batchSignals, commitBatch } from '../../../../keepers/zkml/circuit/batch.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import {
  type BatchOptions,
  type BatchStatement,
  markOf,
  writeBatchCircuit,
} from '../../../../keepers/zkml/circuit/write/batch.ts'
import type { IntegerProgram } from '../../../../keepers/zkml/graph/program.ts'
import { isTrue, measureAnswers, strongest, untruth } from '../../../../keepers/zkml/inference/claim-truth.ts'
import { Circuit, expectMutationsRefused, field } from '../../../circuits/gadget.ts'
import { randomInput, SALTS } from './forgery.ts'
import { labelOf, seeded, smallPerceptron } from './programs.ts'

const COUNT = 8

describe('statements about a committed model on a committed batch', function () {
  this.timeout(120_000)
  const random = seeded(8)

  for (const mode of ['released', 'committed'] as const) {
    it(`${mode}: accuracy, every claim up to the truth and none above`, async () => {
      const program = smallPerceptron(mode)
      const options: BatchOptions = { count: COUNT, statement: { kind: 'accuracy' } }
      const circuit = await Circuit.compile(writeBatchCircuit(program, options), { name: program.name })
      const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
      // Three labels are wrong.
      const marks = inputs.map((input, i) => (i < 3 ? (labelOf(program, input) + 1) % 3 : labelOf(program, input)))
      const batch = (claim: number): Batch => ({ inputs, marks, claim, context: 77n, salts: SALTS })
      for (const claim of [0, 4, 5]) {
        const witness = circuit.witness(batchInputs(program, batch(claim), options))
        expect(witness.slice(1, 5)).to.deep.equal(batchSignals(program, batch(claim), options))
      }
      for (const claim of [6, 8]) {
        expect(() => circuit.witness(batchInputs(program, batch(claim), options))).to.throw(CircuitError, /constraint/)
      }
      const answers = Array.from({ length: COUNT }, (_, s) => `answer[${s}].index`)
      const named = answers.map((name, s) =>
        circuit.symbols.has(`main.${name}`) ? name : `statement.prediction[${s}]`,
      )
      expect(circuit.open('result', ...named)).to.deep.equal([])
      const witness = circuit.witness(batchInputs(program, batch(5), options))
      expectMutationsRefused(circuit, witness, circuit.derivedWires, 1000, random)
      const probe = circuit.system.probe(witness)
      circuit.expectRefused(probe, { result: 6n }, 'a higher claim')
      circuit.expectRefused(probe, { 'label[0]': BigInt(labelOf(program, inputs[0]!)) }, 'a label made right')
      const other = commitBatch(program, { inputs, marks: marks.map(() => 0) }, SALTS.input, options)
      circuit.expectRefused(probe, { inputCommitment: other }, 'the commitment of other labels')
    })
  }

  it('fairness: the gap of positive rates, in permille', async () => {
    const program = smallPerceptron('committed')
    const options: BatchOptions = { count: COUNT, statement: { kind: 'fairness', positive: 1 } }
    const circuit = await Circuit.compile(writeBatchCircuit(program, options), { name: 'fairness' })
    const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
    const marks = [0, 0, 0, 1, 1, 1, 1, 1]
    const rate = (group: number) => {
      const members = inputs.filter((_, i) => marks[i] === group)
      return members.filter((input) => labelOf(program, input) === 1).length / members.length
    }
    const gap = Math.abs(rate(0) - rate(1)) * 1000
    expect(gap, 'a batch in which the groups differ').to.be.above(1)
    const batch = (claim: number): Batch => ({ inputs, marks, claim, context: 0n, salts: SALTS })
    const witness = circuit.witness(batchInputs(program, batch(Math.ceil(gap)), options))
    expect(witness.slice(1, 5)).to.deep.equal(batchSignals(program, batch(Math.ceil(gap)), options))
    expect(() => circuit.witness(batchInputs(program, batch(Math.ceil(gap) - 1), options))).to.throw(CircuitError)
    const probe = circuit.system.probe(witness)
    circuit.expectRefused(probe, { result: field(-1) }, 'a claim below zero')
    circuit.expectRefused(probe, { 'group[0]': 1n }, 'another group')
  })

  for (const kind of ['accuracy', 'fairness', 'odds', 'calibration'] as const)
    for (const refutes of [false, true])
      it(`${kind}${refutes ? ', refuted' : ''}: the strongest true claim has a witness, the next one has none`, async () => {
        const program = smallPerceptron('committed')
        const margins = [{ from: 0, confidence: 300 }, ...[40, 400].map((from) => ({ from, confidence: 800 }))]
        const statement: BatchStatement = {
          ...(kind === 'accuracy'
            ? { kind }
            : kind === 'calibration'
              ? { kind, bins: margins }
              : { kind, positive: 1 }),
          ...(refutes ? { refutes } : {}),
        }
        const options: BatchOptions = { count: COUNT, statement }
        const circuit = await Circuit.compile(writeBatchCircuit(program, options), { name: 'strongest' })
        for (let tries = 0, found = 0; found < 2; tries++) {
          expect(tries, 'a batch about which something is true').to.be.below(100)
          const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
          const labels = inputs.map((input, i) => (labelOf(program, input) + (i % 3 === 0 ? 1 : 0)) % 3)
          const marks = { label: labels, group: labels.map((_, i) => i % 2), cell: labels.map((_, i) => i % 4) }[
            markOf(statement)
          ]
          const measured = measureAnswers(program, statement, inputs, marks)
          const claim = strongest(statement, measured)
          if (!Number.isFinite(claim)) continue
          found++
          const batch = (value: number): Batch => ({ inputs, marks, claim: value, context: 77n, salts: SALTS })
          const witness = circuit.witness(batchInputs(program, batch(claim), options))
          expect(witness.slice(1, 5)).to.deep.equal(batchSignals(program, batch(claim), options))
          const stronger = claim + ((kind === 'accuracy') === refutes ? -1 : 1)
          expect(isTrue(statement, measured, claim)).to.equal(true)
          expect(isTrue(statement, measured, stronger)).to.equal(false)
          if (stronger < 0 || (kind === 'accuracy' && stronger > COUNT)) continue
          expect(() => circuit.witness(batchInputs(program, batch(stronger), options))).to.throw(CircuitError)
        }
      })

  it('says why a refutation is not true: a cell without members is in the way only where no pair of cells has some', () => {
    const odds = { kind: 'odds', positive: 1, refutes: true } as const
    const [empty, tenth] = [
      { over: 0, of: 0 },
      { over: 1, of: 10 },
    ]
    const why = (...gaps: (typeof empty)[]) => untruth(odds, { kind: 'gaps', gaps }, 200)
    expect(why(empty, tenth)).to.equal('the gap is 100 permille, the refutation says more than 200')
    expect(why(empty, empty)).to.match(/no members/)
    expect(untruth({ kind: 'odds', positive: 1 }, { kind: 'gaps', gaps: [empty, tenth] }, 200)).to.match(/no members/)
  })

  it('refuses batches that no circuit is for', () => {
    const program = smallPerceptron('released')
    const accuracy = { kind: 'accuracy' } as const
    expect(() => writeBatchCircuit(program, { count: 0, statement: accuracy })).to.throw(CircuitError, /0 samples/)
    expect(() => writeBatchCircuit(program, { count: 1, statement: { kind: 'fairness', positive: 1 } })).to.throw(
      CircuitError,
    )
    expect(() => writeBatchCircuit(program, { count: 3, statement: { kind: 'fairness', positive: 3 } })).to.throw(
      /positive/,
    )
    for (const bins of [
      [{ from: 0, confidence: 500 }],
      [1, 5].map((from) => ({ from, confidence: 500 })),
      [0, 5, 5].map((from) => ({ from, confidence: 500 })),
      [0, 2 ** 50].map((from) => ({ from, confidence: 500 })),
    ])
      expect(() => writeBatchCircuit(program, { count: 3, statement: { kind: 'calibration', bins } })).to.throw(
        /bins start/,
      )
    const sure = [0, 5].map((from) => ({ from, confidence: 1001 }))
    expect(() => writeBatchCircuit(program, { count: 3, statement: { kind: 'calibration', bins: sure } })).to.throw(
      /1001/,
    )
    const scored: IntegerProgram = { ...program, output: { kind: 'score', index: 0, threshold: 0 } }
    expect(() => writeBatchCircuit(scored, { count: 3, statement: accuracy })).to.throw(CircuitError, /label/)
    const batch = { inputs: [new Float64Array(6)], marks: [0], claim: 2, context: 0n, salts: SALTS }
    expect(() => batchInputs(program, batch, { count: 1, statement: accuracy })).to.throw(CircuitError, /claim is 2/)
    expect(() => batchInputs(program, { ...batch, marks: [] }, { count: 1, statement: accuracy })).to.throw(/0 marks/)
  })
})
