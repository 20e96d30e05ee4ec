// SPDX-License-Identifier: GPL-3.0-or-later
// The two kinds of circuits that ship, with weights as constants and with private weights, at a fraction of their widths; those that ship are
// in test/slow: circom takes a minute for them.
import { expect } from 'chai'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { modelCommitmentOf, witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { P } from '../../../circuits/gadget.ts'
import { build, honest, SALTS } from './forgery.ts'
import { digits } from './images.ts'
import { narrowArticleCnn, narrowCommittedCnn } from './programs.ts'
import { itIsTheNetwork } from './whole.ts'

describe('whole circuits', function () {
  this.timeout(300_000)
  itIsTheNetwork({ name: 'narrow article CNN, released', program: narrowArticleCnn(), limit: 2 ** 14, images: 60 })
  itIsTheNetwork({ name: 'narrow CNN, committed', program: narrowCommittedCnn(), limit: 2 ** 15, images: 25 })

  it('committed: has no witness for a weight out of its range', async () => {
    const program = narrowCommittedCnn()
    const { circuit } = await build(program)
    const inputs = witnessInputs(program, { input: (await digits(1, 3))[0]!, context: 1n, salts: SALTS })
    for (const name of ['conv1$weights', 'dense1$weights', 'dense2$bias']) {
      const values = [...(inputs[name] as bigint[])]
      values[0] = P - 1n
      expect(() => circuit.witness({ ...inputs, [name]: values })).to.throw(CircuitError, /constraint/)
    }
  })

  it('committed: serves another model of the same architecture, under its own commitment', async () => {
    const [first, second] = [narrowCommittedCnn(2), narrowCommittedCnn(3)]
    const one = await build(first)
    const two = { ...one, program: second, modelCommitment: modelCommitmentOf(second, SALTS) }
    const image = (await digits(1, 3))[0]!
    const [a, b] = [honest(one, image), honest(two, image)]
    expect(a[1]).to.not.equal(b[1])
    expect(interpret(first, image).scores).to.not.deep.equal(interpret(second, image).scores)
  })
})
