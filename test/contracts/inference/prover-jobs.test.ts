// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { FIELD_ORDER } from './product-circuit.ts'
import {
  CLAIM_SECONDS,
  createMarket,
  HOUR,
  JOB,
  MAX_PRICE,
  MIN_BOND,
  REASON,
  SETTLE_SECONDS,
  SLOT,
  START_PRICE,
  timeOf,
} from './prover-market.ts'

describe('ProverMarket jobs', () => {
  it('are posted with their terms on the record and their escrow inside', async () => {
    const world = await createMarket()
    const { market, poster, segments, terms, escrowOf, ethers } = world
    const given = await terms({ copies: 2 })
    const posting = market.connect(poster).post(given, segments, '0xbeef', { value: escrowOf(given) })
    await expect(posting).to.emit(market, 'JobPosted')
    await expect(posting).to.changeEtherBalances(ethers, [market, poster], [escrowOf(given), -escrowOf(given)])
    const job = await market.getJob(1)
    expect([job.poster, job.segments, job.copies, job.accepted, job.status, job.escrow, job.bond]).to.deep.equal([
      poster.address,
      3n,
      2n,
      0n,
      JOB.open,
      6n * MAX_PRICE,
      MIN_BOND,
    ])
    expect((await market.getSegments(1)).map(({ circuitId }) => circuitId)).to.deep.equal(
      segments.map(({ circuitId }) => circuitId),
    )
    expect((await market.getSlots(1)).map(({ state }) => state)).to.deep.equal(Array(6).fill(SLOT.open))
    expect(await market.statusOf(9)).to.equal(JOB.none)
  })

  it('that pay more than the least bond ask for as much as they pay', async () => {
    const { market, post } = await createMarket()
    await post({ maxPrice: MIN_BOND * 2n })
    expect((await market.getJob(1)).bond).to.equal(MIN_BOND * 2n)
  })

  it('pay more the longer nobody claims, never more than their maximum', async () => {
    const world = await createMarket()
    const { market, post, alice, networkHelpers } = world
    await post()
    const { postedAt, deadline } = await market.getJob(1)
    const span = deadline - postedAt
    expect(await market.priceAt(1, postedAt - 5n)).to.equal(START_PRICE)
    expect(await market.priceAt(1, postedAt)).to.equal(START_PRICE)
    expect(await market.priceAt(1, postedAt + span / 2n)).to.equal(2n * START_PRICE)
    expect(await market.priceAt(1, deadline)).to.equal(MAX_PRICE)
    expect(await market.priceAt(1, deadline + 100n)).to.equal(MAX_PRICE)
    await networkHelpers.time.increaseTo(postedAt + span / 4n - 1n)
    const claimed = market.connect(alice).claim(1, 0, 0)
    await expect(claimed)
      .to.emit(market, 'SegmentClaimed')
      .withArgs(1, 0, 0, alice.address, START_PRICE + START_PRICE / 2n, postedAt + span / 4n + BigInt(CLAIM_SECONDS))
  })

  it('are refused with a price, deadline, window, count, witness or value that is wrong', async () => {
    const { market, poster, segments, terms, escrowOf, ethers } = await createMarket()
    const attempt = async (changes: object, chain = segments, witness = '0x', extra = 0n) => {
      const given = await terms(changes)
      return market.connect(poster).post(given, chain, witness, { value: escrowOf(given, chain.length) + extra })
    }
    const refused = async (sent: Promise<unknown>, error: string, ...args: unknown[]) =>
      expect(sent)
        .to.be.revertedWithCustomError(market, error)
        .withArgs(...args)
    const anything = () => true
    await expect(attempt({ startPrice: 0n })).to.be.revertedWithCustomError(market, 'ZeroPrice')
    await refused(attempt({ maxPrice: START_PRICE - 1n }), 'PriceFalls', START_PRICE, START_PRICE - 1n)
    await refused(attempt({}, segments, '0x', 1n), 'EscrowMismatch', 3n * MAX_PRICE + 1n, 3n * MAX_PRICE)
    await refused(attempt({ deadline: 5 }), 'DeadlinePassed', 5, anything)
    await refused(attempt({ deadline: 2 ** 40 }), 'DeadlineTooFar', 2 ** 40, anything)
    await refused(attempt({ claimSeconds: 29 }), 'ClaimWindowTooShort', 29, 30)
    await refused(attempt({}, []), 'SegmentCountInvalid', 0, 16)
    await refused(attempt({}, Array(17).fill(segments[0]!)), 'SegmentCountInvalid', 17, 16)
    await refused(attempt({ copies: 0 }), 'CopyCountInvalid', 0, 4)
    await refused(attempt({ copies: 5 }), 'CopyCountInvalid', 5, 4)
    await refused(attempt({}, segments, `0x${'00'.repeat(16_385)}`), 'WitnessTooLong', 16_385, 16_384)
    const over = ethers.toBeHex(FIELD_ORDER, 32)
    await refused(attempt({}, [segments[0]!, { ...segments[1]!, modelCommitment: over }]), 'ValueOutOfField', 1, over)
    await refused(attempt({}, [{ ...segments[1]!, inputCommitment: over }]), 'ValueOutOfField', 0, over)
    const unknown = ethers.id('nobody registered this')
    await expect(attempt({}, [{ ...segments[1]!, circuitId: unknown }])).to.be.revert(ethers)
    expect(await market.jobCount()).to.equal(0n)
  })

  it('that do not exist are named in the error', async () => {
    const { market, alice, answer, post } = await createMarket()
    await post()
    const given = await answer(1n, alice, 0)
    for (const attempt of [
      () => market.claim(7, 0, 0),
      () => market.submit(7, 0, 0, 0, given.proof),
      () => market.settle(7, [given]),
      () => market.accuse(7, given),
      () => market.expire(7, 0, 0),
      () => market.cancel(7),
      () => market.close(7),
      () => market.getJob(7),
      () => market.getSegments(7),
      () => market.getSlots(7),
      () => market.priceAt(7, 0),
      () => market.resultOf(7),
      () => market.statementOf(7, 0, alice, 0),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(market, 'UnknownJob').withArgs(7)
    }
    for (const [segment, copy] of [
      [3, 0],
      [0, 1],
    ] as const) {
      await expect(market.connect(alice).claim(1, segment, copy))
        .to.be.revertedWithCustomError(market, 'UnknownSlot')
        .withArgs(1, segment, copy)
    }
    await expect(market.statementOf(1, 3, alice, 0)).to.be.revertedWithCustomError(market, 'UnknownSlot')
  })

  it('can be taken back by their poster, until somebody works on them', async () => {
    const { market, poster, alice, stranger, post } = await createMarket()
    await post()
    await expect(market.connect(stranger).cancel(1))
      .to.be.revertedWithCustomError(market, 'NotPoster')
      .withArgs(1, stranger.address)
    await expect(market.connect(poster).cancel(1))
      .to.emit(market, 'JobEnded')
      .withArgs(1, JOB.cancelled, 3n * MAX_PRICE)
    expect(await market.balanceOf(poster)).to.equal(3n * MAX_PRICE)
    await expect(market.connect(poster).cancel(1))
      .to.be.revertedWithCustomError(market, 'JobNotOpen')
      .withArgs(1, JOB.cancelled)
    await expect(market.connect(alice).claim(1, 0, 0)).to.be.revertedWithCustomError(market, 'JobNotOpen')
    await post()
    await market.connect(alice).claim(2, 2, 0)
    await expect(market.connect(poster).cancel(2)).to.be.revertedWithCustomError(market, 'JobInProgress').withArgs(2)
  })
})

describe('ProverMarket claims', () => {
  it('reserve a bond, and hold the slot for the claim window', async () => {
    const world = await createMarket()
    const { market, alice, bob, stranger, post, slot } = world
    await post()
    const claimedAt = await timeOf(world, await market.connect(alice).claim(1, 1, 0))
    const { prover, state } = await slot(1n, 1)
    expect([prover, state]).to.deep.equal([alice.address, SLOT.claimed])
    const { free, reserved } = await market.bondOf(alice)
    expect([free, reserved]).to.deep.equal([9n * MIN_BOND, MIN_BOND])
    await expect(market.connect(bob).claim(1, 1, 0))
      .to.be.revertedWithCustomError(market, 'SlotHeld')
      .withArgs(1, 1, 0, alice.address, claimedAt + CLAIM_SECONDS)
    await expect(market.expire(1, 1, 0))
      .to.be.revertedWithCustomError(market, 'NotOverdue')
      .withArgs(1, 1, 0, claimedAt + CLAIM_SECONDS)
    await expect(market.expire(1, 0, 0))
      .to.be.revertedWithCustomError(market, 'SlotNotInState')
      .withArgs(1, 0, 0, SLOT.open, SLOT.claimed)
    await expect(market.connect(stranger).claim(1, 0, 0))
      .to.be.revertedWithCustomError(market, 'BondTooLow')
      .withArgs(stranger.address, 0, MIN_BOND)
  })

  it('that are not answered in time cost a fifth of the bond, and fall to the next prover', async () => {
    const world = await createMarket()
    const { market, poster, alice, bob, treasury, post, answer, submit, slot, networkHelpers } = world
    await post()
    const late = await answer(1n, alice, 0)
    const claimedAt = await timeOf(world, await market.connect(alice).claim(1, 0, 0))
    await networkHelpers.time.increaseTo(claimedAt + CLAIM_SECONDS)
    await expect(submit(1n, alice, late))
      .to.be.revertedWithCustomError(market, 'AnswerTooLate')
      .withArgs(claimedAt + CLAIM_SECONDS, claimedAt + CLAIM_SECONDS + 1)
    const taken = MIN_BOND / 5n
    await expect(market.connect(bob).claim(1, 0, 0))
      .to.emit(market, 'ProverSlashed')
      .withArgs(1, 0, 0, alice.address, REASON.silence, taken, taken / 2n)
    expect(await market.balanceOf(poster)).to.equal(taken / 2n)
    expect(await market.balanceOf(treasury)).to.equal(taken / 2n)
    const { free, reserved } = await market.bondOf(alice)
    expect([free, reserved]).to.deep.equal([10n * MIN_BOND - taken, 0n])
    expect((await slot(1n)).prover).to.equal(bob.address)
  })

  it('cannot be made again by the prover who failed the slot, until another has', async () => {
    const { market, alice, bob, carol, post, networkHelpers } = await createMarket()
    await post()
    await market.connect(alice).claim(1, 0, 0)
    await networkHelpers.time.increase(CLAIM_SECONDS + 1)
    await expect(market.connect(alice).claim(1, 0, 0))
      .to.be.revertedWithCustomError(market, 'ProverFailedSlot')
      .withArgs(1, 0, 0, alice.address)
    await expect(market.connect(carol).expire(1, 0, 0)).to.emit(market, 'ProverSlashed')
    await expect(market.connect(alice).claim(1, 0, 0)).to.be.revertedWithCustomError(market, 'ProverFailedSlot')
    await market.connect(bob).claim(1, 0, 0)
  })

  it('of two copies of a segment must be by two provers', async () => {
    const { market, alice, bob, post } = await createMarket()
    await post({ copies: 2 })
    await market.connect(alice).claim(1, 0, 0)
    await expect(market.connect(alice).claim(1, 0, 1))
      .to.be.revertedWithCustomError(market, 'ProverNotIndependent')
      .withArgs(1, 0, alice.address)
    await market.connect(alice).claim(1, 1, 1)
    await market.connect(bob).claim(1, 0, 1)
  })

  it('end at the deadline, and so does the time to answer', async () => {
    const world = await createMarket()
    const { market, alice, bob, post, answer, submit, networkHelpers } = world
    await post()
    const { deadline } = await market.getJob(1)
    const given = await answer(1n, alice, 0)
    await networkHelpers.time.increaseTo(deadline - 10n)
    await expect(market.connect(alice).claim(1, 0, 0)).to.emit(market, 'SegmentClaimed')
    await networkHelpers.time.increaseTo(deadline)
    await expect(submit(1n, alice, given))
      .to.be.revertedWithCustomError(market, 'AnswerTooLate')
      .withArgs(deadline, deadline + 1n)
    // That was mined after the deadline.
    expect(await market.statusOf(1)).to.equal(JOB.settling)
    await expect(market.connect(bob).claim(1, 1, 0))
      .to.be.revertedWithCustomError(market, 'JobNotOpen')
      .withArgs(1, JOB.settling)
  })
})

describe('ProverMarket ends of jobs', () => {
  it('free everything after the settling window: silent provers pay, the rest comes back', async () => {
    const world = await createMarket()
    const { market, poster, alice, bob, carol, treasury, post, serve, networkHelpers } = world
    await post({ copies: 2 })
    const paid = await serve(1n, alice, 0)
    const other = await serve(1n, bob, 0, { copy: 1 })
    await market.settle(1, [paid, other])
    const alone = await serve(1n, alice, 1)
    await market.settle(1, [alone])
    await serve(1n, bob, 1, { copy: 1 })
    await market.connect(carol).claim(1, 2, 0)
    const { deadline, escrow } = await market.getJob(1)
    await expect(market.close(1))
      .to.be.revertedWithCustomError(market, 'NotClosableYet')
      .withArgs(1, deadline + BigInt(SETTLE_SECONDS) + 1n)
    await networkHelpers.time.increaseTo(deadline + BigInt(SETTLE_SECONDS))
    expect(await market.statusOf(1)).to.equal(JOB.settling)
    await networkHelpers.time.increase(1)
    expect(await market.statusOf(1)).to.equal(JOB.expired)
    const balances = [await market.balanceOf(poster), await market.balanceOf(alice)]
    const closing = await market.close(1)
    // The copy that stayed without its peer is proven, and paid.
    const earned = (await market.balanceOf(alice)) - balances[1]!
    expect(earned > 0n).to.equal(true)
    await expect(closing)
      .to.emit(market, 'JobEnded')
      .withArgs(1, JOB.closed, escrow - earned)
    await expect(closing).to.emit(market, 'ProverSlashed')
    const taken = MIN_BOND / 5n
    expect(await market.balanceOf(poster)).to.equal(balances[0]! + escrow - earned + taken / 2n)
    expect(await market.balanceOf(treasury)).to.equal(taken / 2n)
    for (const prover of [alice, bob, carol]) expect((await market.bondOf(prover)).reserved).to.equal(0n)
    expect((await market.bondOf(carol)).free).to.equal(10n * MIN_BOND - taken)
    for (const attempt of [() => market.close(1), () => market.expire(1, 2, 0), () => market.settle(1, [alone])]) {
      await expect(attempt()).to.be.revertedWithCustomError(market, 'JobNotOpen').withArgs(1, JOB.closed)
    }
    await expect(market.resultOf(1)).to.be.revertedWithCustomError(market, 'NotCompleted').withArgs(1, JOB.closed)
  })

  it('can still be settled between deadline and close', async () => {
    const { market, alice, post, serve, networkHelpers, segments } = await createMarket()
    await post({}, [segments[2]!])
    const { deadline } = await market.getJob(1)
    // The only segment is the third of the chain, asked for by itself.
    expect(deadline > BigInt(HOUR)).to.equal(true)
    await market.connect(alice).claim(1, 0, 0)
    await networkHelpers.time.increaseTo(deadline + 1n)
    await expect(market.resultOf(1)).to.be.revertedWithCustomError(market, 'NotCompleted').withArgs(1, JOB.settling)
    await market.expire(1, 0, 0)
    await post()
    const answers = []
    for (const segment of [0, 1, 2]) answers.push(await serve(2n, alice, segment))
    await networkHelpers.time.increaseTo((await market.getJob(2)).deadline + 1n)
    await market.settle(2, answers)
    expect(await market.statusOf(2)).to.equal(JOB.completed)
  })
})
