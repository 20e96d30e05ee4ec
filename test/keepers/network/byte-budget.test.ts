// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ByteBudget } from '../../../keepers/network/byte-budget.ts'

describe('a budget of bytes', () => {
  const never = new AbortController().signal
  const settled = async (promise: Promise<unknown>): Promise<boolean> => {
    let done = false
    promise.then(
      () => {
        done = true
      },
      () => {
        done = true
      },
    )
    await new Promise((resolve) => setImmediate(resolve))
    return done
  }

  it('lets all together have so many, and each of them so many', async () => {
    const budget = new ByteBudget({ total: 10, each: 4 })
    const first = await budget.take('a', 4, never)
    const more = budget.take('a', 1, never)
    expect(await settled(more)).to.equal(false)
    // Somebody who waits for itself keeps nobody else waiting.
    await budget.take('b', 4, never)
    const third = budget.take('c', 4, never)
    expect(await settled(third)).to.equal(false)
    first.keep(2)
    expect([await settled(more), await settled(third)]).to.deep.equal([false, true])
    first[Symbol.dispose]()
    expect(await settled(more)).to.equal(true)
  })

  it('gives back what is kept no more, once', async () => {
    const budget = new ByteBudget({ total: 4, each: 4 })
    const held = await budget.take('a', 4, never)
    held.keep(3)
    held.keep(3)
    held.keep(9)
    expect(await settled(budget.take('b', 2, never))).to.equal(false)
    held[Symbol.dispose]()
    held[Symbol.dispose]()
    const next = await Promise.all([budget.take('c', 2, never)])
    expect(next).to.have.length(1)
  })

  it('starves nobody who has nothing, however often those that have all of it ask for more', async () => {
    const budget = new ByteBudget({ total: 4, each: 2 })
    const [held] = await Promise.all([...'aabb'].map((who) => budget.take(who, 1, never)))
    const greedy = [...'aabb'].map((who) => budget.take(who, 1, never))
    const modest = budget.take('c', 1, never)
    held![Symbol.dispose]()
    expect(await settled(modest)).to.equal(true)
    expect(await Promise.all(greedy.map(settled))).to.deep.equal([false, false, false, false])
    ;(await modest)[Symbol.dispose]()
    expect(await settled(greedy[0]!)).to.equal(true)
  })

  it('forgets those that do not want to wait any longer', async () => {
    const budget = new ByteBudget({ total: 4, each: 4 })
    const held = await budget.take('a', 4, never)
    const impatient = new AbortController()
    const waiting = budget.take('b', 4, impatient.signal)
    impatient.abort(new Error('enough'))
    expect(await waiting.catch(String)).to.equal('Error: enough')
    held[Symbol.dispose]()
    expect(await settled(budget.take('c', 4, never))).to.equal(true)
    expect(await budget.take('d', 1, impatient.signal).catch(String)).to.equal('Error: enough')
  })
})
