// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { fieldsOf } from '../governance/accounts.ts'
import { createHub, FEATURE, HOUR, INPUT, PRICE, WEIGHTS } from './hub.ts'
import { FIELD_ORDER } from './product-circuit.ts'

const OUTPUT = WEIGHTS[0]! * FEATURE
const STATUS = { none: 0n, open: 1n, expired: 2n, fulfilled: 3n, refunded: 4n }
const DAY = 24 * HOUR

describe('InferenceHub requests', () => {
  it('are answered, recorded and paid to whoever proves first', async () => {
    const world = await createHub()
    const { hub, user, prover, ask, answer, ethers } = world
    const id = await ask()
    expect(await hub.statusOf(id)).to.equal(STATUS.open)
    const { output, proof } = await answer(id, prover)
    const fulfilment = hub.connect(prover).fulfil(id, output, proof)
    await expect(fulfilment).to.emit(hub, 'InferenceFulfilled').withArgs(id, 1, prover.address, 1, OUTPUT, false)
    await expect(fulfilment)
      .to.emit(hub, 'InferenceVerified')
      .withArgs(1, INPUT, ethers.toBeHex(OUTPUT, 32), prover.address)
    expect(await hub.statusOf(id)).to.equal(STATUS.fulfilled)
    expect([...(await hub.resultOf(id))]).to.deep.equal([1n, OUTPUT])
    expect(await hub.balanceOf(prover)).to.equal(PRICE)
    await expect(hub.withdraw(prover, prover)).to.changeEtherBalances(ethers, [hub, prover], [-PRICE, PRICE])
    expect(await hub.balanceOf(user)).to.equal(0)
  })

  it('carry their terms on the record', async () => {
    const { hub, user, networkHelpers } = await createHub()
    const deadline = (await networkHelpers.time.latest()) + HOUR
    await expect(hub.connect(user).request(1, INPUT, deadline, 0, '0xbeef', { value: PRICE }))
      .to.emit(hub, 'InferenceRequested')
      .withArgs(`0x${'1'.padStart(64, '0')}`, 1, user.address, 1, INPUT, PRICE, deadline, '0xbeef')
    const request = await hub.getRequest(`0x${'1'.padStart(64, '0')}`)
    expect(fieldsOf(request)).to.deep.equal({
      requester: user.address,
      deadline: BigInt(deadline),
      callbackGas: 0n,
      price: PRICE,
      version: 1n,
      modelId: 1n,
      settlement: STATUS.none,
      inputCommitment: INPUT,
      output: 0n,
    })
  })

  it('are answered once: a second proof of the same statement earns nothing', async () => {
    const { hub, prover, stranger, ask, answer } = await createHub()
    const id = await ask()
    const first = await answer(id, prover)
    const second = await answer(id, prover)
    const rival = await answer(id, stranger)
    await hub.connect(prover).fulfil(id, first.output, first.proof)
    for (const [by, { output, proof }] of [
      [prover, first],
      [prover, second],
      [stranger, rival],
    ] as const) {
      await expect(hub.connect(by).fulfil(id, output, proof))
        .to.be.revertedWithCustomError(hub, 'RequestNotOpen')
        .withArgs(id, STATUS.fulfilled)
    }
  })

  it('cannot be answered with a proof taken from somebody else’s transaction', async () => {
    const { hub, prover, stranger, ask, answer } = await createHub()
    const id = await ask()
    const other = await ask()
    const { output, proof } = await answer(id, prover)
    await expect(hub.connect(stranger).fulfil(id, output, proof)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(hub.connect(prover).fulfil(other, output, proof)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(hub.connect(prover).fulfil(id, output + 1n, proof)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(hub.connect(prover).fulfil(id, output + FIELD_ORDER, proof)).to.be.revertedWithCustomError(
      hub,
      'SignalOutOfField',
    )
    await hub.connect(prover).fulfil(id, output, proof)
  })

  it('keep the version they were asked about, when another is released meanwhile', async () => {
    const { hub, models, service, prover, ask, answer } = await createHub()
    const before = await ask()
    await models.release(service, 3)
    const after = await ask()
    for (const [id, version] of [
      [before, 1],
      [after, 3],
    ] as const) {
      const { output, proof } = await answer(id, prover)
      await hub.connect(prover).fulfil(id, output, proof)
      expect([...(await hub.resultOf(id))]).to.deep.equal([BigInt(version), WEIGHTS[version - 1]! * FEATURE])
    }
  })

  it('are refused without price, with a bad deadline, model, input or payload', async () => {
    const { hub, user, owner, networkHelpers, word } = await createHub()
    const now = await networkHelpers.time.latest()
    const asking = hub.connect(user)
    const later = now + HOUR
    await expect(asking.request(1, INPUT, later, 0, '0x')).to.be.revertedWithCustomError(hub, 'ZeroPrice')
    await networkHelpers.setBalance(user.address, 1n << 100n)
    await expect(asking.request(1, INPUT, later, 0, '0x', { value: 1n << 96n }))
      .to.be.revertedWithCustomError(hub, 'PriceTooHigh')
      .withArgs(1n << 96n, (1n << 96n) - 1n)
    await expect(asking.request(1, INPUT, now, 0, '0x', { value: 1 })).to.be.revertedWithCustomError(
      hub,
      'DeadlinePassed',
    )
    await expect(asking.request(1, INPUT, now + 31 * DAY, 0, '0x', { value: 1 })).to.be.revertedWithCustomError(
      hub,
      'DeadlineTooFar',
    )
    await expect(asking.request(1, INPUT, later, 0, `0x${'00'.repeat(16_385)}`, { value: 1 }))
      .to.be.revertedWithCustomError(hub, 'PayloadTooLong')
      .withArgs(16_385, 16_384)
    await expect(asking.request(1, INPUT, later, 2_000_001, '0x', { value: 1 }))
      .to.be.revertedWithCustomError(hub, 'CallbackGasTooHigh')
      .withArgs(2_000_001, 2_000_000)
    await expect(asking.request(1, INPUT, later, 1, '0x', { value: 1 }))
      .to.be.revertedWithCustomError(hub, 'ConsumerHasNoCode')
      .withArgs(user.address)
    await expect(asking.request(1, word(FIELD_ORDER), later, 0, '0x', { value: 1 }))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(1, FIELD_ORDER)
    await expect(asking.request(9, INPUT, later, 0, '0x', { value: 1 }))
      .to.be.revertedWithCustomError(hub, 'ModelNotFound')
      .withArgs(9)
    await hub.connect(owner).deprecateModel(1)
    await expect(asking.request(1, INPUT, later, 0, '0x', { value: 1 })).to.be.revertedWithCustomError(
      hub,
      'VerificationRefusedModelDeprecated',
    )
  })

  it('are refused for a pinned version that was deprecated', async () => {
    const { hub, models, service, ask, ethers } = await createHub()
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(ask({ modelId: 2 }))
      .to.be.revertedWithCustomError(hub, 'VersionNotUsable')
      .withArgs(2, 2)
  })

  it('that were never made are named in the error', async () => {
    const { hub, prover, answer, ask, word } = await createHub()
    const { output, proof } = await answer(await ask(), prover)
    const unknown = word(2)
    for (const attempt of [
      () => hub.connect(prover).fulfil(unknown, output, proof),
      () => hub.refund(unknown),
      () => hub.getRequest(unknown),
      () => hub.resultOf(unknown),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(hub, 'UnknownRequest').withArgs(unknown)
    }
    expect(await hub.statusOf(unknown)).to.equal(STATUS.none)
  })

  it('are refunded after their deadline, once, and not answered any more', async () => {
    const { hub, user, prover, stranger, ask, answer, networkHelpers, ethers } = await createHub()
    const id = await ask()
    const { output, proof } = await answer(id, prover)
    const { deadline } = await hub.getRequest(id)
    await expect(hub.connect(user).refund(id))
      .to.be.revertedWithCustomError(hub, 'NotRefundableYet')
      .withArgs(id, deadline)
    await networkHelpers.time.increaseTo(deadline)
    expect(await hub.statusOf(id)).to.equal(STATUS.open)
    await networkHelpers.time.increaseTo(deadline + 1n)
    expect(await hub.statusOf(id)).to.equal(STATUS.expired)
    await expect(hub.connect(prover).fulfil(id, output, proof))
      .to.be.revertedWithCustomError(hub, 'RequestNotOpen')
      .withArgs(id, STATUS.expired)
    await expect(hub.connect(stranger).refund(id)).to.emit(hub, 'RequestRefunded').withArgs(id, user.address, PRICE)
    await expect(hub.refund(id)).to.be.revertedWithCustomError(hub, 'RequestNotOpen').withArgs(id, STATUS.refunded)
    await expect(hub.resultOf(id)).to.be.revertedWithCustomError(hub, 'NotFulfilled').withArgs(id, STATUS.refunded)
    await expect(hub.connect(user).withdraw(user, stranger)).to.changeEtherBalances(
      ethers,
      [hub, stranger],
      [-PRICE, PRICE],
    )
  })

  it('are refunded at once when the DAO withdraws the version or the circuit', async () => {
    const { hub, models, service, verifiers, circuit, user, prover, ask, answer, ethers } = await createHub()
    const pinned = await ask({ modelId: 2 })
    const following = await ask()
    const { output, proof } = await answer(pinned, prover)
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(hub.connect(prover).fulfil(pinned, output, proof)).to.be.revertedWithCustomError(
      hub,
      'VersionNotUsable',
    )
    await hub.refund(pinned)
    await expect(hub.refund(following)).to.be.revertedWithCustomError(hub, 'NotRefundableYet')
    const late = await answer(following, prover)
    await verifiers.revoke(circuit.id)
    await expect(hub.connect(prover).fulfil(following, late.output, late.proof))
      .to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
      .withArgs(circuit.id, await ethers.provider.getBlock('latest').then((block) => block!.timestamp))
    await expect(ask()).to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
    await hub.refund(following)
    expect(await hub.balanceOf(user)).to.equal(2n * PRICE)
  })

  it('stay answerable when the model’s owner withdraws it with the answer in sight', async () => {
    const { hub, owner, prover, ask, answer } = await createHub()
    const id = await ask({ by: owner })
    const { output, proof } = await answer(id, prover)
    await hub.connect(owner).deprecateModel(1)
    await expect(hub.connect(owner).refund(id)).to.be.revertedWithCustomError(hub, 'NotRefundableYet')
    await hub.connect(prover).fulfil(id, output, proof)
    expect(await hub.balanceOf(prover)).to.equal(PRICE)
    expect(await hub.balanceOf(owner)).to.equal(0n)
  })

  it('are not taken while intake is paused; open ones go on', async () => {
    const { hub, verifiers, prover, ask, answer, networkHelpers } = await createHub()
    const id = await ask()
    const until = (await networkHelpers.time.latest()) + 600
    await verifiers.pauseIntake(until)
    await expect(ask()).to.be.revertedWithCustomError(verifiers, 'IntakeIsPaused').withArgs(until)
    const { output, proof } = await answer(id, prover)
    await hub.connect(prover).fulfil(id, output, proof)
    await networkHelpers.time.increaseTo(until)
    await ask()
  })

  it('pay out only to the account, and only its balance', async () => {
    const { hub, prover, stranger, ask, answer } = await createHub()
    const id = await ask()
    const { output, proof } = await answer(id, prover)
    await hub.connect(prover).fulfil(id, output, proof)
    await expect(hub.connect(stranger).withdraw(prover, stranger))
      .to.be.revertedWithCustomError(hub, 'NotAccountHolder')
      .withArgs(prover.address, stranger.address)
    await expect(hub.connect(prover).withdraw(prover, hub))
      .to.be.revertedWithCustomError(hub, 'TransferFailed')
      .withArgs(await hub.getAddress(), PRICE)
    await expect(hub.connect(prover).withdraw(prover, ZeroAddress))
      .to.be.revertedWithCustomError(hub, 'ZeroRecipient')
      .withArgs(prover.address)
    expect(await hub.balanceOf(prover)).to.equal(PRICE)
    await hub.connect(stranger).withdraw(prover, prover)
    await expect(hub.connect(prover).withdraw(prover, prover))
      .to.be.revertedWithCustomError(hub, 'NothingToWithdraw')
      .withArgs(prover.address)
  })
})
