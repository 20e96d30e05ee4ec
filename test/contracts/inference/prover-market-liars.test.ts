// SPDX-License-Identifier: GPL-3.0-or-later
// What a prover can gain by lying (nothing), and who notices.
import { expect } from 'chai'
import { BASE_ORDER, rerandomise } from './product-circuit.ts'
import {
  type Answer,
  createMarket,
  JOB,
  MAX_PRICE,
  MIN_BOND,
  REASON,
  RESULT,
  SEGMENTS,
  SETTLE_SECONDS,
  SLOT,
} from './prover-market.ts'

describe('ProverMarket liars', () => {
  it('who state an output that breaks the chain are refused at once', async () => {
    const world = await createMarket()
    const { market, alice, post, answer, submit } = world
    await post()
    await market.connect(alice).claim(1, 0, 0)
    const given = await answer(1n, alice, 0)
    await expect(submit(1n, alice, { ...given, output: given.output + 1n }))
      .to.be.revertedWithCustomError(market, 'ChainBroken')
      .withArgs(1, 0, given.output + 1n, given.output)
  })

  it('who prove another input than the chain’s are refused and named; another prover completes the job', async () => {
    const world = await createMarket()
    const { market, poster, alice, bob, carol, stranger, treasury, post, serve } = world
    await post()
    const first = await serve(1n, alice, 0)
    // An honest proof about activations that segment 0 never gave.
    const lie = await serve(1n, bob, 1, { feature: 13n })
    const last = await serve(1n, carol, 2)
    await expect(market.settle(1, [first, lie, last]))
      .to.be.revertedWithCustomError(market, 'ProofsDoNotHold')
      .withArgs(1, world.link.id)
    for (const honest of [first, last]) {
      await expect(market.connect(stranger).accuse(1, honest))
        .to.be.revertedWithCustomError(market, 'ProofHolds')
        .withArgs(1, honest.segment, 0)
    }
    const before = await market.balanceOf(poster)
    const accusing = market.connect(stranger).accuse(1, lie)
    await expect(accusing)
      .to.emit(market, 'ProverSlashed')
      .withArgs(1, 1, 0, bob.address, REASON.falseProof, MIN_BOND, MIN_BOND / 2n)
    await expect(accusing)
      .to.emit(market, 'AccuserPaid')
      .withArgs(1, 1, 0, stranger.address, MIN_BOND / 5n)
    expect(await market.balanceOf(stranger)).to.equal(MIN_BOND / 5n)
    expect((await market.bondOf(bob)).free).to.equal(9n * MIN_BOND)
    expect((await market.balanceOf(poster)) - before).to.equal(MIN_BOND / 2n)
    expect(await market.balanceOf(treasury)).to.equal((MIN_BOND * 3n) / 10n)
    await expect(market.connect(bob).claim(1, 1, 0)).to.be.revertedWithCustomError(market, 'ProverFailedSlot')
    await expect(market.accuse(1, lie)).to.be.revertedWithCustomError(market, 'SlotNotInState')

    const again = await serve(1n, carol, 1)
    await market.settle(1, [first, again, last])
    expect(await market.resultOf(1)).to.equal(RESULT)
  })

  it('do not keep the honest from being paid meanwhile', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, serve } = world
    await post()
    const honest = await serve(1n, alice, 0)
    await serve(1n, bob, 1, { feature: 13n })
    await market.settle(1, [honest])
    expect((await market.balanceOf(alice)) > 0n).to.equal(true)
  })

  it('gain nothing by any other forgery: each is attributable', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, answer, submit, product } = world
    const { deadline } = await market.getJob(await post())
    const honest = await answer(1n, alice, 2)
    const { proof } = honest
    const foreign = async (field: string, context: bigint): Promise<[string, Answer]> => [
      field,
      { ...honest, proof: await product.prove(7n, 60n, context) },
    ]
    const forged: [string, Answer][] = [
      ['another output', { ...honest, output: RESULT + 1n }],
      ['a coordinate ≥ q', { ...honest, proof: { ...proof, a: [proof.a[0], proof.a[1] + BASE_ORDER] } }],
      ['off the curve', { ...honest, proof: { ...proof, c: [proof.c[0] + 1n, proof.c[1]] } }],
      ['another circuit', { ...honest, proof: (await answer(1n, alice, 1)).proof }],
      ['another prover’s', { ...honest, proof: (await answer(1n, bob, 2)).proof }],
      await foreign('another job', await market.contextOf(2, 2, alice, product.id, deadline)),
      await foreign('another segment', await market.contextOf(1, 1, alice, product.id, deadline)),
      await foreign('another circuit id', await market.contextOf(1, 2, alice, world.link.id, deadline)),
      await foreign('another deadline', await market.contextOf(1, 2, alice, product.id, deadline + 1n)),
    ]
    for (const [what, lie] of forged) {
      const jobId = await post({ deadline: Number(deadline) })
      const bound = await market.contextOf(jobId, 2, alice, product.id, deadline)
      expect(bound).to.not.equal(await market.contextOf(1, 2, alice, product.id, deadline))
      await market.connect(alice).claim(jobId, 2, 0)
      await submit(jobId, alice, lie)
      await expect(market.settle(jobId, [lie]), what).to.be.revertedWithCustomError(market, 'ProofsDoNotHold')
      await expect(market.accuse(jobId, lie), what)
        .to.emit(market, 'ProverSlashed')
        .withArgs(jobId, 2, 0, alice.address, REASON.falseProof, MIN_BOND, MIN_BOND / 2n)
    }
    await market.connect(alice).claim(1, 2, 0)
    await submit(1n, alice, { ...honest, proof: await rerandomise(proof) })
    await market.settle(1, [{ ...honest, proof: await rerandomise(proof) }])
    expect((await market.getSlots(1))[2]!.state).to.equal(SLOT.paid)
  })

  it('are found by swapping the proofs of two segments of one circuit', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, answer, submit } = world
    await post()
    const [one, two] = [await answer(1n, alice, 0), await answer(1n, bob, 1)]
    const swapped = [
      { ...one, proof: { ...one.proof, c: two.proof.c } },
      { ...two, proof: { ...two.proof, c: one.proof.c } },
    ]
    for (const [i, by] of [alice, bob].entries()) {
      await market.connect(by).claim(1, i, 0)
      await submit(1n, by, swapped[i]!)
    }
    await expect(market.settle(1, swapped)).to.be.revertedWithCustomError(market, 'ProofsDoNotHold')
    for (const lie of swapped) await expect(market.accuse(1, lie)).to.emit(market, 'ProverSlashed')
  })
})

describe('ProverMarket cross-checks', () => {
  it('pay nobody before all copies of a segment are proven', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, serve } = world
    await post({ copies: 2 })
    const one = await serve(1n, alice, 2)
    await market.settle(1, [one])
    expect(await market.balanceOf(alice)).to.equal(0n)
    expect((await market.getSlots(1))[4]!.state).to.equal(SLOT.proven)
    const two = await serve(1n, bob, 2, { copy: 1 })
    await market.settle(1, [two])
    for (const prover of [alice, bob]) expect((await market.balanceOf(prover)) > 0n).to.equal(true)
    expect((await market.getJob(1)).accepted).to.equal(1n)
  })

  it('pay a proven copy at the end though its peer never came: the poster may have been the peer', async () => {
    const world = await createMarket()
    const { market, poster, alice, post, serve, networkHelpers } = world
    await market.connect(poster).bond({ value: 10n * MIN_BOND })
    await post({ copies: 2 })
    await market.connect(poster).claim(1, 2, 1)
    await market.settle(1, [await serve(1n, alice, 2)])
    const price = await market.priceAt(1, (await market.getSlots(1))[4]!.claimedAt)
    const { deadline } = await market.getJob(1)
    await networkHelpers.time.increaseTo(Number(deadline) + SETTLE_SECONDS + 1)
    await expect(market.close(1)).to.emit(market, 'ProverPaid').withArgs(1, 2, 0, alice.address, price)
    expect(await market.balanceOf(alice)).to.equal(price)
    expect((await market.bondOf(alice)).free).to.equal(10n * MIN_BOND)
  })

  it('verify all copies of all segments in one transaction', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, serve } = world
    await post({ copies: 2 })
    const answers = []
    for (const segment of SEGMENTS) {
      answers.push(await serve(1n, alice, segment), await serve(1n, bob, segment, { copy: 1 }))
    }
    await market.settle(1, answers)
    expect(await market.resultOf(1)).to.equal(RESULT)
  })

  for (const together of [true, false]) {
    it(`end in a dispute when two valid proofs disagree (${together ? 'settled together' : 'one by one'})`, async () => {
      const world = await createMarket()
      const { market, poster, alice, bob, carol, post, submit, looseAnswer, looseSegment } = world
      await post({ copies: 3 }, [looseSegment])
      await market.connect(carol).claim(1, 0, 2)
      const answers = []
      for (const [copy, by] of [alice, bob].entries()) {
        const given = await looseAnswer(1n, by, copy, 12n + BigInt(copy))
        await market.connect(by).claim(1, 0, copy)
        await submit(1n, by, given)
        answers.push(given)
      }
      if (!together) await market.settle(1, [answers[0]!])
      const settling = market.settle(1, together ? answers : [answers[1]!])
      await expect(settling).to.emit(market, 'JobDisputed').withArgs(1, 12, 13)
      let paid = 0n
      for (const prover of [alice, bob, carol]) {
        const { free, reserved } = await market.bondOf(prover)
        expect([free, reserved]).to.deep.equal([10n * MIN_BOND, 0n])
        const earned = await market.balanceOf(prover)
        // Both proofs are out and hold; the third was not given.
        expect(earned > 0n).to.equal(prover !== carol)
        paid += earned
      }
      await expect(settling)
        .to.emit(market, 'JobEnded')
        .withArgs(1, JOB.disputed, 3n * MAX_PRICE - paid)
      expect(await market.balanceOf(poster)).to.equal(3n * MAX_PRICE - paid)
      await expect(market.close(1)).to.be.revertedWithCustomError(market, 'JobNotOpen').withArgs(1, JOB.disputed)
    })
  }

  it('pay what is owed for other segments before a dispute, whatever the order of the answers', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, submit, looseAnswer, looseSegment } = world
    await post({ copies: 2 }, [looseSegment, looseSegment])
    const answers = []
    for (const [copy, by] of [alice, bob].entries()) {
      for (const [segment, output] of [
        [1, 30n + BigInt(copy)],
        [0, BigInt(looseSegment.inputCommitment)],
      ] as const) {
        const given = await looseAnswer(1n, by, copy, output, segment)
        await market.connect(by).claim(1, segment, copy)
        await submit(1n, by, given)
        answers.push(given)
      }
    }
    await expect(market.settle(1, answers)).to.emit(market, 'JobDisputed').withArgs(1, 30, 31)
    for (const prover of [alice, bob]) expect((await market.balanceOf(prover)) > 0n).to.equal(true)
    expect((await market.getSlots(1)).map(({ state }) => state)).to.deep.equal([
      SLOT.paid,
      SLOT.paid,
      SLOT.paid,
      SLOT.paid,
    ])
    expect((await market.getJob(1)).escrow).to.equal(0n)
  })

  it('agree when both say the same', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, submit, looseAnswer, looseSegment } = world
    await post({ copies: 2 }, [looseSegment])
    for (const [copy, by] of [alice, bob].entries()) {
      const given = await looseAnswer(1n, by, copy, 12n)
      await market.connect(by).claim(1, 0, copy)
      await submit(1n, by, given)
      await market.settle(1, [given])
    }
    expect(await market.resultOf(1)).to.equal(12n)
  })
})
