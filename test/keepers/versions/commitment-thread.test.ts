// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { initialWeights, sequentialSpec } from '../../../keepers/learning/index.ts'
import { commitApart, commitToWeights, provableGraph } from '../../../keepers/versions/index.ts'
import { calibrate } from '../../../keepers/zkml/index.ts'

describe('a commitment to a large model', () => {
  // 318,010 parameters: enough for a thread.
  const dense = (name: string, units: number) => ({ class_name: 'Dense', config: { name, units, use_bias: true } })
  const input = { class_name: 'Flatten', config: { name: 'flatten', batch_input_shape: [null, 28, 28, 1] } }
  const layers = [input, dense('hidden', 400), dense('classes', 10)]
  const spec = sequentialSpec({ class_name: 'Sequential', config: { name: 'large', layers } }, [28, 28, 1])
  const weights = initialWeights(spec, 1)
  const { plan } = calibrate(provableGraph({ spec }, weights), [new Float64Array(784).fill(0.5)], {
    mode: 'committed',
    inputRange: { min: 0, max: 1 },
  })

  it('on a thread is the same, and leaves the weights where they are', async () => {
    const before = weights.slice()
    expect(await commitApart({ spec, plan }, weights)).to.deep.equal(commitToWeights({ spec, plan }, weights))
    expect(weights).to.deep.equal(before)
  })

  it('fails for weights that are not finite, as it does without a thread', async () => {
    const bad = weights.slice()
    bad[5] = Number.NaN
    expect(() => commitToWeights({ spec, plan }, bad)).to.throw(/NaN/)
    const error = await commitApart({ spec, plan }, bad).catch((thrown: Error) => thrown)
    expect(error).to.be.instanceOf(Error)
    expect((error as Error).message).to.match(/NaN/)
  })
})
