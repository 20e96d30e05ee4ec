// SPDX-License-Identifier: GPL-3.0-or-later
// Claims about batches with lookups: true ones have a witness that says only them, false ones none, and nobody has a choice.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { type Batch, batchInputs, batchSignals } from '../../../../keepers/zkml/circuit/batch.ts'
import { ConstraintSystem, decodeWitness } from '../../../../keepers/zkml/circuit/constraints.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { type BatchOptions, type BatchStatement, markOf } from '../../../../keepers/zkml/circuit/write/batch.ts'
import { ClaimProver, checkFolder, compileFolder, setupFolder, verifyProof } from '../../../../keepers/zkml/index.ts'
import { isTrue, measureAnswers, strongest } from '../../../../keepers/zkml/inference/claim-truth.ts'
import { LookupBatchCircuit } from '../../../../keepers/zkml/lookup/batch.ts'
import { undeterminedFirstRound } from '../../../../keepers/zkml/lookup/determinism.ts'
import { randomInput, SALTS } from '../circuit/forgery.ts'
import { labelOf, ProgramBuilder, parameter, seeded, smallPerceptron } from '../circuit/programs.ts'
import { Adversary, expectForgeriesRefused } from './adversary.ts'
import { CHALLENGE } from './direct.ts'

const COUNT = 8

describe('claims about batches with lookups', function () {
  this.timeout(120_000)
  const random = seeded(8)

  for (const mode of ['released', 'committed'] as const)
    for (const kind of ['accuracy', 'fairness'] as const)
      it(`${mode}, ${kind}: the truth has a witness, what exceeds it has none, and nothing is left open`, () => {
        const program = smallPerceptron(mode)
        const options: BatchOptions = {
          count: COUNT,
          statement: kind === 'accuracy' ? { kind } : { kind, positive: 0 },
        }
        const circuit = new LookupBatchCircuit(program, options)
        const system = ConstraintSystem.parse(circuit.r1cs())
        const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
        const answers = inputs.map((input) => labelOf(program, input))
        const marks =
          kind === 'accuracy' ? answers.map((label, i) => (i < 3 ? (label + 1) % 3 : label)) : [0, 1, 1, 0, 1, 0, 0, 1]
        const rate = (group: number) => answers.filter((label, i) => label === 0 && marks[i] === group).length / 4
        const gap = Math.ceil(1000 * Math.abs(rate(0) - rate(1)))
        const [allowed, refused] =
          kind === 'accuracy'
            ? [
                [0, 4, 5],
                [6, 8],
              ]
            : [[gap, gap + 1, 1000], gap === 0 ? [] : [gap - 1]]
        const witnessOf = (claim: number) => {
          const batch: Batch = { inputs, marks, claim, context: 77n, salts: SALTS }
          const made = circuit.witness(batchInputs(program, batch, options))
          const witness = decodeWitness(made.finish([CHALLENGE]))
          expect(witness.slice(1, 5)).to.deep.equal(batchSignals(program, batch, options))
          return witness
        }
        for (const claim of allowed!) expect(system.firstViolation(witnessOf(claim)), `claim ${claim}`).to.equal(null)
        for (const claim of refused!) expect(() => witnessOf(claim), `claim ${claim}`).to.throw(CircuitError)
        const batch: Batch = { inputs, marks, claim: allowed![0]!, context: 77n, salts: SALTS }
        const negative = { ...batchInputs(program, batch, options), claim: SCALAR_FIELD - 1n }
        expect(() => circuit.witness(negative)).to.throw(CircuitError)

        expect(undeterminedFirstRound(circuit.r1cs(), circuit.shape, circuit.inputWires)).to.deep.equal([])
        const adversary = new Adversary(system, circuit.shape)
        expectForgeriesRefused(adversary, system, witnessOf(allowed![0]!), 80, random)
      })

  const BINS = [{ from: 0, confidence: 300 }, ...[40, 400].map((from) => ({ from, confidence: 800 }))]
  for (const kind of ['accuracy', 'fairness', 'odds', 'calibration'] as const)
    for (const refutes of [false, true])
      it(`${kind}${refutes ? ', refuted' : ''}: the strongest true claim has a witness, the next one has none, and nothing is left open`, () => {
        const program = smallPerceptron('committed')
        const statement: BatchStatement = {
          ...(kind === 'accuracy' ? { kind } : kind === 'calibration' ? { kind, bins: BINS } : { kind, positive: 1 }),
          ...(refutes ? { refutes } : {}),
        }
        const options: BatchOptions = { count: COUNT, statement }
        const circuit = new LookupBatchCircuit(program, options)
        const system = ConstraintSystem.parse(circuit.r1cs())
        const open = (given: readonly number[] = []) =>
          undeterminedFirstRound(circuit.r1cs(), circuit.shape, [...circuit.inputWires, ...given])
        // Which gap a refutation of odds shows is its prover's choice where both exceed the claim; once it is made, nothing is open.
        const choice = kind === 'odds' && refutes ? open().slice(0, 1) : []
        expect(open(choice)).to.deep.equal([])
        for (let tries = 0, found = 0; found < 4; tries++) {
          expect(tries, 'a batch about which something is true').to.be.below(200)
          const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
          const labels = inputs.map((input, i) => (labelOf(program, input) + (i % 3 === 0 ? 1 : 0)) % 3)
          const cells = labels.map(() => Math.floor(random() * 4))
          const marks = { label: labels, group: cells.map((cell) => cell % 2), cell: cells }[markOf(statement)]
          const measured = measureAnswers(program, statement, inputs, marks)
          const claim = strongest(statement, measured)
          const witnessOf = (value: number) => {
            const batch: Batch = { inputs, marks, claim: value, context: 77n, salts: SALTS }
            const witness = decodeWitness(circuit.witness(batchInputs(program, batch, options)).finish([CHALLENGE]))
            expect(witness.slice(1, 5)).to.deep.equal(batchSignals(program, batch, options))
            return witness
          }
          if (!Number.isFinite(claim)) {
            // Nothing is true of it: of a group or cell without members, or a refutation of what holds.
            for (const value of [0, 1, COUNT]) expect(() => witnessOf(value), String(value)).to.throw(CircuitError)
            continue
          }
          found++
          const witness = witnessOf(claim)
          expect(system.firstViolation(witness)).to.equal(null)
          const stronger = claim + ((kind === 'accuracy') === refutes ? -1 : 1)
          const next = kind === 'accuracy' || refutes ? stronger : claim - 1
          expect(isTrue(statement, measured, next)).to.equal(false)
          if (next >= 0 && (kind !== 'accuracy' || next <= COUNT))
            expect(() => witnessOf(next), `claim ${next}`).to.throw(CircuitError)
          if (found === 1) expectForgeriesRefused(new Adversary(system, circuit.shape), system, witness, 60, random)
        }
      })

  it('multiply private weights with all samples at once', () => {
    const [samples, n, m] = [16, 40, 20]
    const program = new ProgramBuilder('committed', [n], 4)
      .dense('dense1', m, parameter(n * m, 6, 4, random), parameter(m, 30, 8, random))
      .build('wide', { kind: 'label' })
    const options: BatchOptions = { count: samples, statement: { kind: 'accuracy' } }
    const { constraints } = new LookupBatchCircuit(program, options)
    // Ranges and commitments included; products one by one would be 12,800 alone.
    expect(constraints).to.be.below(0.7 * samples * n * m)
  })

  it('are proven and verified from a folder, and its circuit is the one that is written anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-claim-lookup-'))
    try {
      const claim = { count: COUNT, statement: { kind: 'accuracy' } } as const
      await compileFolder({ folder, program: smallPerceptron('committed'), claim, system: 'groth16-lookup' })
      await setupFolder(folder)
      const { program } = await checkFolder(folder)
      const inputs = Array.from({ length: COUNT }, () => randomInput(program, random))
      const marks = inputs.map((input) => labelOf(program, input))
      const prover = await ClaimProver.open(folder)
      const { proof, publicSignals } = await prover.prove({ inputs, integers: true, marks, claim: COUNT, context: 5n })
      await prover.close()
      expect(await verifyProof(prover.key, proof, publicSignals)).to.equal(true)
      const less = publicSignals.map((signal, i) => (i === 2 ? signal - 1n : signal)) as unknown as typeof publicSignals
      expect(await verifyProof(prover.key, proof, less)).to.equal(false)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
