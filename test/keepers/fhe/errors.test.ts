// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { FheError } from '../../../keepers/fhe/index.ts'

describe('an error of the fhe room', () => {
  it('crosses a thread with class, code, detail, message and stack', () => {
    const error = new FheError('wrong-sender', 'the update is of another member', { sender: 3, members: [1, 2] })
    // Plain cloning loses all of it, hence the round trip.
    expect(structuredClone(error)).not.to.be.instanceOf(FheError)
    const back = FheError.fromObject(structuredClone(error.toObject()))
    expect(back).to.be.instanceOf(FheError)
    const { name, code, detail, message, stack } = error
    expect({ ...back, name: back.name, message: back.message, stack: back.stack }).to.deep.equal({
      ...{ name, code, detail, message, stack },
    })
  })
})
