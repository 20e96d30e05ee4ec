// SPDX-License-Identifier: GPL-3.0-or-later
// A member that has the sums of its checks computed elsewhere: the same scalars, and a helper that lies makes no accusation.
import { expect } from 'chai'
import {
  ClaimCalculator,
  type ClaimHelper,
  type ClaimTask,
  checkClaimSums,
  checkUpdatePoint,
  claimedScalar,
  type Engine,
  encryptUpdate,
  MemoryOnceGuard,
  openEngine,
} from '../../../keepers/fhe/index.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { flipped } from './tampering.ts'

/** Two chunks: sixteen whole ciphertexts, and one that is shorter. */
const LENGTH = 8191 * 16 + 100

describe('sums of a claim that are computed elsewhere', () => {
  const plan = testPlan(3, 2, { vectorLength: LENGTH, scaleBits: 'widest' })
  const calculator = new ClaimCalculator()
  const tasks: ClaimTask[] = []
  let alter: ClaimHelper | null = null
  let engine: Engine
  let helped: Engine
  let keys: Ceremony
  let update: Uint8Array
  before(async () => {
    engine = await openEngine(plan)
    const claims: ClaimHelper = async (task, signal) => {
      tasks.push(task)
      return alter === null ? await calculator.compute(task) : await alter(task, signal)
    }
    helped = await openEngine(plan, { claims })
    keys = await ceremony(engine)
    const vector = vectorOf(LENGTH, 1)
    const guard = new MemoryOnceGuard()
    update = await encryptUpdate(engine, {
      context: ROUND,
      memberKey: keys.memberKeys.get(1)!,
      vector,
      weight: 1,
      guard,
    })
  })
  after(async () => {
    calculator.dispose()
    await Promise.all([engine.close(), helped.close()])
  })

  const point = async (by: Engine, bytes = update, alone = false) =>
    await checkUpdatePoint(by, { context: ROUND, memberKey: keys.memberKeys.get(0)!, sender: 1, bytes, alone })

  it('give the same scalar, from tasks without any secret', async () => {
    const [own, given] = [await point(engine), await point(helped)]
    expect([own.agrees, given.agrees]).to.deep.equal([true, true])
    expect(given.scalar).to.deep.equal(own.scalar)
    expect(tasks.map(({ from, to }) => [from, to])).to.deep.equal([
      [0, 16],
      [16, 17],
    ])
    for (const task of tasks) {
      // All of it is in the published update, or follows from it and the plan.
      expect(Buffer.from(update).includes(Buffer.from(task.ciphertexts))).to.equal(true)
      expect(Object.keys(task).sort()).to.deep.equal(['ciphertexts', 'from', 'plan', 'planHash', 'seeds', 'to'])
      expect(Object.keys(task.seeds).sort()).to.deep.equal(['projection', 'rho', 'round'])
    }
  })

  it('make no accusation, whatever the helper says, nor does one that fails', async () => {
    const { scalar } = await point(engine)
    const lies: ClaimHelper[] = [
      async (task) => {
        const sums = await calculator.compute(task)
        return {
          ...sums,
          constants: sums.constants.map((value, i) => (i === 0 ? (value === 0n ? 1n : value - 1n) : value)),
        }
      },
      async (task) => {
        const sums = await calculator.compute(task)
        return { ...sums, weights: new Uint8Array(sums.weights.length) }
      },
      async (task) => ({ ...(await calculator.compute(task)), weights: new Uint8Array(8) }),
      async () => Promise.reject(new Error('no worker')),
    ]
    for (const lie of lies) {
      alter = lie
      const given = await point(helped)
      expect([given.agrees, given.scalar]).to.deep.equal([true, scalar])
    }
    alter = null
  })

  it('can hide a false update from this member, and change no scalar that it posts', async () => {
    const bytes = flipped(update, 148)
    const truth = await point(engine, bytes)
    expect([truth.agrees, truth.own]).to.deep.equal([false, true])
    // The sender, who knows by how much it lies, tells the helper.
    const words = (scalar: Uint8Array) => [...new BigUint64Array(new Uint8Array(scalar).buffer)]
    const [said, found] = [words(claimedScalar(plan, truth.claim, 0)), words(truth.scalar)]
    alter = async (task) => {
      const sums = await calculator.compute(task)
      if (task.from > 0) return sums
      const constants = sums.constants.map((value, column) => {
        const p = plan.set.primes[column % (plan.set.primes.length - 1)]!
        return (value + said[column]! - found[column]! + p) % p
      })
      return { ...sums, constants }
    }
    let hidden = await point(helped, bytes)
    // One time of eight the chunk is computed here, too.
    for (let tries = 0; tries < 30 && !hidden.agrees; tries++) hidden = await point(helped, bytes)
    expect([hidden.agrees, hidden.own]).to.deep.equal([true, false])
    const posted = await point(helped, bytes, true)
    expect([posted.agrees, posted.own, posted.scalar]).to.deep.equal([false, true, truth.scalar])
    alter = null
  })

  it('of tasks and answers that do not fit the plan are refused', async () => {
    const [task] = tasks
    const compute = (other: Partial<ClaimTask>) => calculator.compute({ ...task!, ...other })
    await refuses('invalid-argument', () => compute({ ciphertexts: task!.ciphertexts.subarray(1) }))
    await refuses('invalid-argument', () => compute({ to: 18 }))
    await refuses('invalid-argument', () => compute({ seeds: { ...task!.seeds, rho: new Uint8Array(8) } }))
    await refuses('wrong-plan', () => compute({ planHash: new Uint8Array(32) }))
    const sums = await calculator.compute(task!)
    checkClaimSums(plan, sums)
    await refuses('invalid-argument', async () => checkClaimSums(plan, { ...sums, constants: sums.constants.slice(1) }))
    const [prime] = plan.set.primes
    await refuses('invalid-argument', async () =>
      checkClaimSums(plan, { ...sums, constants: sums.constants.with(0, prime!) }),
    )
    await refuses('invalid-argument', async () =>
      checkClaimSums(plan, { ...sums, weights: new Uint8Array(sums.weights.length).fill(0xff) }),
    )
  })
})
