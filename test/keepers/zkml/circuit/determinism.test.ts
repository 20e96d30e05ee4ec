// SPDX-License-Identifier: GPL-3.0-or-later
// A file may name a wire with coefficient 0, or twice in one expression. Neither may make a wire look determined that is free.
import { expect } from 'chai'
import { ConstraintSystem } from '../../../../keepers/zkml/circuit/constraints.ts'
import { undetermined } from '../../../../keepers/zkml/circuit/determinism.ts'
import { fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { reduce, writeR1cs } from '../two-round/r1cs-writer.ts'

const [ONE, GIVEN, FREE, OTHER] = [0, 1, 2, 3]

describe('expressions of an r1cs', () => {
  it('say nothing of a wire with coefficient 0', () => {
    const file = writeR1cs(3, 1, [[{ [GIVEN]: 1 }, { [ONE]: 1 }, { [GIVEN]: 1, [FREE]: 0 }]])
    const system = ConstraintSystem.parse(file)
    for (const value of [0n, 7n]) expect(system.firstViolation([1n, 5n, value])).to.equal(null)
    expect(undetermined(system, [GIVEN])).to.deep.equal([FREE])
  })

  it('add up the coefficients of a wire that they name twice', () => {
    const file = writeR1cs(4, 1, [[{ [GIVEN]: 1 }, { [ONE]: 1 }, { [GIVEN]: 1, [FREE]: 5, [OTHER]: -5 }]])
    // The last term is the other wire's: it becomes the free one's, and 5 − 5 = 0.
    const term = Buffer.from([OTHER, 0, 0, 0, ...fieldToBytes(reduce(-5n))])
    file[Buffer.from(file).indexOf(term)] = FREE
    const system = ConstraintSystem.parse(file)
    for (const value of [0n, 7n]) expect(system.firstViolation([1n, 5n, value, 0n])).to.equal(null)
    expect(undetermined(system, [GIVEN])).to.deep.equal([FREE, OTHER])
  })
})
