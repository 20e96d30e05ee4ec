// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { LearningError, modelSpec, packError, unpackError } from '../../../keepers/learning/index.ts'
import { GradientWorkers } from '../../../keepers/learning/workers/gradient-workers.ts'
import { refuses } from './refusal.ts'

describe('learning: errors between threads', () => {
  it('a worker that cannot start gives its own error, class and code', async () => {
    const spec = modelSpec('small-cnn')
    const topology = { class_name: 'Model', config: {} }
    const engine = { spec: { ...spec, topology }, backend: 'fused' } as never
    await refuses(() => new GradientWorkers(engine, 2).begin(8), 'NO_BACKEND', /the fused backend cannot run this/)
  })

  it('keep class, code, fields and stack', () => {
    const made = [
      Object.assign(new RangeError('too long'), { code: 'ERR_RANGE', limit: 5n, path: '/tmp/x', inner: { a: 1 } }),
      new LearningError('BAD_MODEL', 'more than 2 GiB'),
      Object.assign(new Error('of a library'), { name: 'LibraryError' }),
    ]
    const [range, learning, library] = made.map((error) => unpackError(structuredClone(packError(error))))
    expect(range).to.be.instanceOf(RangeError)
    expect(range).to.include({
      name: 'RangeError',
      code: 'ERR_RANGE',
      limit: 5n,
      path: '/tmp/x',
      stack: made[0]!.stack,
    })
    expect(range).to.not.have.property('inner')
    expect(learning).to.be.instanceOf(LearningError).and.include({ code: 'BAD_MODEL', stack: made[1]!.stack })
    expect(library).to.include({ name: 'LibraryError', message: 'of a library' })
    expect(unpackError(packError('text')))
      .to.be.instanceOf(Error)
      .and.include({ message: 'text' })
  })
})
