// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a circuit with lookups, counted without writing it, is that of the written circuit to the last constraint.
import { expect } from 'chai'
import type { CircuitOptions } from '../../../../keepers/zkml/circuit/write/statement.ts'
import type { IntegerProgram, Mode } from '../../../../keepers/zkml/graph/program.ts'
import { LookupCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import { lookupCost } from '../../../../keepers/zkml/lookup/cost.ts'
import type { DirectOptions } from '../../../../keepers/zkml/lookup/statement.ts'
import { domainPower } from '../../../../keepers/zkml/setup/qap.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { everyLayer } from '../circuit/every-layer.ts'
import { articleCnn, smallClassifier, smallCommittedCnn } from '../circuit/programs.ts'
import { randomProgram } from '../circuit/random-program.ts'

function expectExact(program: IntegerProgram, options: DirectOptions = {}): void {
  const circuit = new LookupCircuit(program, options)
  const cost = lookupCost(program, options)
  const rows = circuit.tables.reduce((sum, width) => sum + 2 ** width + 1, 0)
  expect(cost, `${program.name} ${JSON.stringify(options)}`).to.deep.equal({
    constraints: circuit.constraints,
    tableConstraints: rows,
    tables: circuit.tables,
    challenges: circuit.shape.challenges,
    power: domainPower(parseR1cs(circuit.r1cs(), program.name).header),
  })
}

describe('the cost of a circuit with lookups', function () {
  this.timeout(60_000)

  it('is exact for every layer, statement and visibility', () => {
    for (const mode of ['released', 'committed'] as const)
      for (const [output, options] of [
        [{ kind: 'label' }, { input: 'public' }],
        [{ kind: 'margin' }, { output: 'committed' }],
        [{ kind: 'score', index: 1, threshold: 3 }, { input: 'private' }],
        [{ kind: 'logits-commitment' }, {}],
        [{ kind: 'value' }, { output: 'private' }],
      ] as const)
        for (const system of ['groth16-lookup', 'groth16'] as const)
          expectExact(everyLayer(mode, output), { ...(options as CircuitOptions), system })
  })

  it('is exact for whole networks', () => {
    for (const program of [articleCnn('before'), smallCommittedCnn(), smallClassifier()]) expectExact(program)
    expectExact(smallClassifier(), { input: 'signed' })
  })

  it('is exact for random networks', () => {
    let counted = 0
    for (let seed = 1; seed <= 25; seed++)
      for (const mode of ['released', 'committed'] satisfies Mode[]) {
        const program = randomProgram(seed, mode)
        if (program === null) continue
        expectExact(program)
        counted++
      }
    expect(counted).to.be.above(40)
  })
})
