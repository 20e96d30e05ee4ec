// SPDX-License-Identifier: GPL-3.0-or-later
// Random play of posters, honest and lying provers, accusers and closers: ether is conserved after every step, and nothing
// is stuck at the end.
import { expect } from 'chai'
import { randomFrom } from '../invariants/random.ts'
import {
  type Answer,
  CLAIM_SECONDS,
  createMarket,
  HOUR,
  JOB,
  MIN_BOND,
  SETTLE_SECONDS,
  SLOT,
  UNBONDING_SECONDS,
} from './prover-market.ts'

/** A longer run: COHORT_INVARIANT_CALLS=20000 npx hardhat test test/contracts/inference/prover-market-invariants.test.ts */
const STEPS = Number(process.env.COHORT_INVARIANT_CALLS ?? 160)
const SEED = 20261120

describe('ProverMarket money', () => {
  it('is conserved over random jobs, claims, lies, settlements, accusations, time-outs and withdrawals', async function () {
    this.timeout(process.env.COHORT_INVARIANT_CALLS ? 0 : 240_000)
    const world = await createMarket()
    const { market, ethers, networkHelpers, poster, alice, bob, carol, stranger, answer, submit } = world
    const people = [poster, alice, bob, carol, stranger]
    const provers = [alice, bob, carol]
    const random = randomFrom(SEED)
    const below = (limit: number): number => Math.floor(random() * limit)
    const pick = <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('nothing to pick from')
      return list[below(list.length)]!
    }
    const answers = new Map<string, Answer>()
    const done: Record<string, number> = {}
    /** Mostly one of the latest. */
    const someJob = async () => {
      const count = Number(await market.jobCount())
      return BigInt(Math.max(1, count - below(below(4) === 0 ? count + 1 : 3)))
    }
    const someSubmitted = async (jobId: bigint) => {
      const slots = await market.getSlots(jobId)
      const submitted = [...slots.keys()].filter((i) => slots[i]!.state === SLOT.submitted)
      return submitted.flatMap((number) => answers.get(`${jobId}:${number}`) ?? [])
    }

    const actions: Record<string, () => Promise<unknown>> = {
      post: async () =>
        world.post({ copies: 1 + below(2), deadline: (await networkHelpers.time.latest()) + 600 + below(HOUR) }),
      claim: async () => {
        const jobId = await someJob()
        const slots = await market.getSlots(jobId)
        const open = pick([...slots.keys()].filter((i) => slots[i]!.state <= SLOT.claimed))
        const { copies } = await market.getJob(jobId)
        return market.connect(pick(provers)).claim(jobId, Math.floor(open / Number(copies)), open % Number(copies))
      },
      answer: async () => {
        const jobId = await someJob()
        const slots = await market.getSlots(jobId)
        const { copies } = await market.getJob(jobId)
        const claimed = [...slots.keys()].filter((i) => slots[i]!.state === SLOT.claimed)
        const number = pick(claimed)
        const by = provers.find(({ address }) => address === slots[number]!.prover)!
        const [segment, copy] = [Math.floor(number / Number(copies)), number % Number(copies)]
        const lying = below(3) === 0
        const given = await answer(jobId, by, segment, { copy, ...(lying ? { feature: 99n } : {}) })
        await submit(jobId, by, given)
        answers.set(`${jobId}:${number}`, given)
        if (lying) done.lie = (done.lie ?? 0) + 1
      },
      settle: async () => {
        const jobId = await someJob()
        const given = await someSubmitted(jobId)
        return market.settle(jobId, below(2) === 0 ? given : [pick(given)])
      },
      accuse: async () => {
        const jobId = await someJob()
        return market.connect(stranger).accuse(jobId, pick(await someSubmitted(jobId)))
      },
      expire: async () => market.expire(await someJob(), below(3), below(2)),
      close: async () => market.close(await someJob()),
      cancel: async () => market.connect(poster).cancel(await someJob()),
      bond: () => market.connect(pick(provers)).bond({ value: 1 + below(1000) }),
      unbond: () => market.connect(pick(provers)).unbond(1 + below(1000)),
      withdrawBond: () => market.connect(pick(provers)).withdrawBond(),
      withdraw: () => {
        const who = pick(people)
        return market.withdraw(who, who)
      },
      wait: () => networkHelpers.time.increase(below(CLAIM_SECONDS / 2)),
      'wait long': () => networkHelpers.time.increase(below(HOUR)),
    }
    const often = ['claim', 'claim', 'claim', 'answer', 'answer', 'answer', 'settle', 'accuse', 'accuse']
    const names = [...often, ...often, ...often, ...Object.keys(actions)]
    const conserved = async (when: string) =>
      expect(await ethers.provider.getBalance(market), when).to.equal(
        await world.owed(people.map(({ address }) => address)),
      )
    for (let step = 0; step < STEPS; step++) {
      const name = pick(names)
      await actions[name]!().then(
        () => (done[name] = (done[name] ?? 0) + 1),
        (error: Error) => {
          if (!/revert/.test(error.message) && !(error instanceof RangeError)) throw error
        },
      )
      await conserved(`after step ${step} (${name})`)
    }
    for (const name of ['post', 'claim', 'answer', 'lie', 'settle', 'accuse', 'bond', 'withdraw']) {
      expect(done[name], name).to.be.above(0)
    }

    // Nothing stuck: after all deadlines every wei can leave.
    await networkHelpers.time.increase(2 * HOUR + SETTLE_SECONDS)
    for (let jobId = 1n; jobId <= (await market.jobCount()); jobId++) {
      const status = await market.statusOf(jobId)
      if (status === JOB.expired) await market.close(jobId)
      expect((await market.getJob(jobId)).escrow).to.equal(0n)
    }
    for (const prover of provers) {
      const { free, reserved } = await market.bondOf(prover)
      expect(reserved).to.equal(0n)
      expect(free > MIN_BOND).to.equal(true)
      await market.connect(prover).unbond(free)
    }
    await networkHelpers.time.increase(UNBONDING_SECONDS)
    for (const prover of provers) await market.connect(prover).withdrawBond()
    for (const account of [...people.map(({ address }) => address), world.treasury]) {
      if ((await market.balanceOf(account)) > 0n) await market.withdraw(account, account)
    }
    expect(await ethers.provider.getBalance(market)).to.equal(0n)
  })
})
