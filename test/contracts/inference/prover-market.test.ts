// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { FIELD_ORDER, rerandomise } from './product-circuit.ts'
import {
  CLAIM_SECONDS,
  createMarket,
  JOB,
  MAX_PRICE,
  MIN_BOND,
  RESULT,
  SLOT,
  START_PRICE,
  served,
} from './prover-market.ts'

describe('ProverMarket settlement', () => {
  it('verifies the segments of three provers together and pays each', async () => {
    const world = await createMarket()
    const { market, poster, alice, bob, carol, post, ethers, owed } = world
    await post()
    const answers = await served(world)
    const settling = market.settle(1, answers)
    await expect(settling).to.emit(market, 'JobCompleted').withArgs(1, RESULT)
    await expect(settling).to.emit(market, 'SegmentAccepted').withArgs(1, 0, answers[0]!.output)
    expect(await market.statusOf(1)).to.equal(JOB.completed)
    expect(await market.resultOf(1)).to.equal(RESULT)
    let paid = 0n
    for (const prover of [alice, bob, carol]) {
      const earned = await market.balanceOf(prover)
      expect(earned >= START_PRICE && earned < MAX_PRICE, `${earned}`).to.equal(true)
      const { free, reserved } = await market.bondOf(prover)
      expect([free, reserved]).to.deep.equal([10n * MIN_BOND, 0n])
      paid += earned
    }
    expect(await market.balanceOf(poster)).to.equal(3n * MAX_PRICE - paid)
    expect((await market.getSlots(1)).map(({ state }) => state)).to.deep.equal(Array(3).fill(SLOT.paid))
    expect(await ethers.provider.getBalance(market)).to.equal(
      await owed([poster, alice, bob, carol].map(({ address }) => address)),
    )
    await expect(market.settle(1, answers)).to.be.revertedWithCustomError(market, 'JobNotOpen')
    await expect(market.close(1)).to.be.revertedWithCustomError(market, 'JobNotOpen').withArgs(1, JOB.completed)
  })

  it('takes segments in any order and any number, and pays those that are proven', async () => {
    const world = await createMarket()
    const { market, bob, carol, post, serve } = world
    await post()
    const last = await serve(1n, carol, 2)
    await market.settle(1, [last])
    expect((await market.balanceOf(carol)) > 0n).to.equal(true)
    const [middle, first] = [await serve(1n, bob, 1), await serve(1n, carol, 0)]
    await market.settle(1, [middle, first])
    expect(await market.resultOf(1)).to.equal(RESULT)
  })

  it('builds the statement from the job: model, both commitments, context of the prover', async () => {
    const world = await createMarket()
    const { market, alice, post, segments, ethers } = world
    await post()
    const { deadline } = await market.getJob(1)
    const encoded = ethers.AbiCoder.defaultAbiCoder().encode(
      ['bytes32', 'uint256', 'address', 'uint256', 'uint8', 'address', 'bytes32', 'uint48'],
      [
        ethers.id('cohort.prover-market.context.v1'),
        (await ethers.provider.getNetwork()).chainId,
        await market.getAddress(),
        1,
        1,
        alice.address,
        segments[1]!.circuitId,
        deadline,
      ],
    )
    const context = BigInt(ethers.keccak256(encoded)) >> 8n
    const { modelCommitment, inputCommitment } = segments[1]!
    expect([...(await market.statementOf(1, 1, alice, 99))]).to.deep.equal(
      [modelCommitment, inputCommitment, segments[2]!.inputCommitment, context].map(BigInt),
    )
    expect((await market.statementOf(1, 2, alice, 99))[2]).to.equal(99n)
  })

  it('refuses answers that were not submitted, were changed, or are given twice', async () => {
    const world = await createMarket()
    const { market, alice, post, answer, serve } = world
    await post()
    const unsubmitted = await answer(1n, alice, 1)
    await expect(market.settle(1, [unsubmitted]))
      .to.be.revertedWithCustomError(market, 'SlotNotInState')
      .withArgs(1, 1, 0, SLOT.open, SLOT.submitted)
    const given = await serve(1n, alice, 0)
    const rerandomised = { ...given, proof: await rerandomise(given.proof) }
    await expect(market.settle(1, [rerandomised])).to.be.revertedWithCustomError(market, 'AnswerMismatch')
    await expect(market.accuse(1, rerandomised)).to.be.revertedWithCustomError(market, 'AnswerMismatch')
    await expect(market.settle(1, [given, given]))
      .to.be.revertedWithCustomError(market, 'SlotNotInState')
      .withArgs(1, 0, 0, SLOT.proven, SLOT.submitted)
    await expect(market.settle(1, [])).to.be.revertedWithCustomError(market, 'AnswerCountInvalid').withArgs(0, 64)
    await expect(market.settle(1, Array(65).fill(given)))
      .to.be.revertedWithCustomError(market, 'AnswerCountInvalid')
      .withArgs(65, 64)
  })

  it('takes answers from the slot’s holder only, once, in the field', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, answer, submit } = world
    await post()
    const given = await answer(1n, alice, 2)
    await expect(submit(1n, alice, given))
      .to.be.revertedWithCustomError(market, 'SlotNotInState')
      .withArgs(1, 2, 0, SLOT.open, SLOT.claimed)
    await market.connect(alice).claim(1, 2, 0)
    await expect(submit(1n, bob, given))
      .to.be.revertedWithCustomError(market, 'NotSlotHolder')
      .withArgs(1, 2, 0, alice.address, bob.address)
    await expect(submit(1n, alice, { ...given, output: FIELD_ORDER + RESULT }))
      .to.be.revertedWithCustomError(market, 'ValueOutOfField')
      .withArgs(2, FIELD_ORDER + RESULT)
    await submit(1n, alice, given)
    await expect(submit(1n, alice, given)).to.be.revertedWithCustomError(market, 'SlotNotInState')
    await expect(market.connect(bob).claim(1, 2, 0))
      .to.be.revertedWithCustomError(market, 'SlotNotInState')
      .withArgs(1, 2, 0, SLOT.submitted, SLOT.open)
  })
})

describe('ProverMarket and a circuit that is revoked', () => {
  it('takes no claim of it, slashes nobody for having stopped, and ends the job at once', async () => {
    const world = await createMarket()
    const {
      market,
      verifiers,
      poster,
      alice,
      bob,
      carol,
      product,
      link,
      post,
      serve,
      networkHelpers,
      terms,
      segments,
    } = world
    await post({ copies: 2 })
    const proven = await serve(1n, alice, 0)
    await market.settle(1, [proven])
    await market.connect(bob).claim(1, 1, 0)
    await serve(1n, carol, 2)
    await expect(market.close(1)).to.be.revertedWithCustomError(market, 'NotClosableYet')
    await verifiers.revoke(product.id)
    await networkHelpers.time.increase(CLAIM_SECONDS + 1)
    for (const attempt of [
      () => market.expire(1, 1, 0),
      () => market.connect(alice).claim(1, 1, 0),
      () => market.connect(alice).claim(1, 2, 1),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(market, 'JobOfRevokedCircuit').withArgs(1, product.id)
    }
    const given = await terms()
    await expect(market.post(given, segments, '0x', { value: world.escrowOf(given) })).to.be.revertedWithCustomError(
      verifiers,
      'CircuitIsRevoked',
    )
    await market.close(1)
    for (const prover of [alice, bob, carol]) {
      const { free, reserved } = await market.bondOf(prover)
      expect([free, reserved]).to.deep.equal([10n * MIN_BOND, 0n])
    }
    const earned = await market.balanceOf(alice)
    expect(earned > 0n).to.equal(true)
    expect(await market.balanceOf(poster)).to.equal(6n * MAX_PRICE - earned)
    expect(await verifiers.isRevoked(link.id)).to.equal(false)
  })

  it('posts nothing while intake is paused', async () => {
    const { verifiers, post, networkHelpers } = await createMarket()
    await verifiers.pauseIntake((await networkHelpers.time.latest()) + 600)
    await expect(post()).to.be.revertedWithCustomError(verifiers, 'IntakeIsPaused')
  })
})

describe('ProverMarket at any gas', () => {
  it('never slashes a true proof: an accusation that is short of gas reverts', async () => {
    const world = await createMarket()
    const { market, alice, post, serve } = world
    await post()
    const honest = await serve(1n, alice, 0)
    // Through the window in which the verifier's precompile was starved, and up to where gas is plenty.
    const limits = [1_090_000n, 1_120_000n, 1_500_000n]
    for (let gas = 200_000n; gas <= 330_000n; gas += 2_500n) limits.push(gas)
    for (const gasLimit of limits) {
      await expect(market.accuse.staticCall(1, honest, { gasLimit }), `${gasLimit}`).to.revert(world.ethers)
    }
    await expect(market.accuse(1, honest)).to.be.revertedWithCustomError(market, 'ProofHolds')
    await expect(market.accuse.staticCall(1, honest, { gasLimit: 500_000n })).to.be.revertedWithCustomError(
      market,
      'GasTooLowToRefute',
    )
    expect((await market.getSlots(1))[0]!.state).to.equal(SLOT.submitted)
  })
})
