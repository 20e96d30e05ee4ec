// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { keccak256 } from 'ethers'
import { fieldsOf } from '../governance/accounts.ts'
import { WEIGHTS } from '../inference/hub.ts'
import { FORM, OUTPUT } from '../inference/output-schema.ts'
import { commitment, FIELD_ORDER } from '../inference/product-circuit.ts'
import { DAY } from './market.ts'
import { actOn, createPilot, ETHER, LABEL, LEAST, TARGET } from './pilot.ts'
import { labelled } from './reading-circuit.ts'

describe('DaoPilot', () => {
  it('carries out the very call that a publisher ordered, when the model says so', async () => {
    const world = await createPilot()
    const { pilot, target, stranger, grant, order } = world
    const id = await grant()
    const ordered = await order(id)
    expect(await pilot.isUsed(id, ordered.input)).to.equal(false)
    await expect(actOn(world, id, ordered))
      .to.emit(pilot, 'Acted')
      .withArgs(id, stranger.address, ordered.input, ordered.output, 0, ordered.order.data)
    expect([await target.calls(), await target.last()]).to.deep.equal([1n, 40n])
    expect(await pilot.isUsed(id, ordered.input)).to.equal(true)
    const { spent, calls, revoked } = await pilot.usageOf(id)
    expect([spent, calls, revoked]).to.deep.equal([40n, 1n, false])
  })

  it('carries out a call that the DAO fixed, on the input that it fixed, once', async () => {
    const world = await createPilot()
    const { pilot, target, reading, ethers, grant, pay } = world
    const inputCommitment = ethers.toBeHex(77n, 32)
    const data = pay(60n)
    const callHash = keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['uint256', 'bytes'], [0, data]))
    const id = await grant({ publisherId: 0, inputCommitment, callHash })
    const context = await pilot.contextOf(id, inputCommitment)
    const output = labelled(LABEL, LEAST)
    const proof = await reading.prove({ weight: WEIGHTS[0]!, inputCommitment: 77n, output, context })
    const order = { mandateId: id, value: 0n, data, content: '0x', keyId: 0, validUntil: 0, signature: '0x' }
    const other = pay(61n)
    const found = keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['uint256', 'bytes'], [0, other]))
    await expect(pilot.act({ ...order, data: other }, output, proof))
      .to.be.revertedWithCustomError(pilot, 'CallMismatch')
      .withArgs(id, found, callHash)
    await expect(pilot.act({ ...order, content: '0x1234' }, output, proof))
      .to.be.revertedWithCustomError(pilot, 'UnexpectedContent')
      .withArgs(id, 2)
    await pilot.act(order, output, proof)
    expect(await target.last()).to.equal(60n)
    await expect(pilot.act(order, output, proof))
      .to.be.revertedWithCustomError(pilot, 'InputUsed')
      .withArgs(id, inputCommitment)
  })

  it('sends plain ether within its caps', async () => {
    const world = await createPilot()
    const { pilot, prover, ethers, grant, order } = world
    const id = await grant({ target: prover.address, selector: '0x00000000', amountWord: ETHER })
    await expect(actOn(world, id, await order(id, { value: 70n, data: '0x' }))).to.changeEtherBalances(
      ethers,
      [pilot, prover],
      [-70n, 70n],
    )
    await expect(actOn(world, id, await order(id, { value: 101n, data: '0x', content: 'second' })))
      .to.be.revertedWithCustomError(pilot, 'AmountAboveCallCap')
      .withArgs(id, 101, 100)
    await expect(actOn(world, id, await order(id, { value: 1n, data: '0x00', content: 'third' })))
      .to.be.revertedWithCustomError(pilot, 'DataLengthInvalid')
      .withArgs(1, 0)
  })

  it('acts on a number that is large enough, and not on a negative one', async () => {
    const world = await createPilot()
    const { pilot, hub, owner, service, described, reads, grant, order, RULE } = world
    await hub.connect(owner).registerModel(described(commitment(WEIGHTS[0]!), reads), service, 1, OUTPUT.score)
    const id = await grant({ modelId: 4, rule: RULE.atLeast, threshold: 1000n })
    for (const [output, found] of [
      [999n, 999n],
      [FIELD_ORDER - 5n, FIELD_ORDER - 5n],
    ] as const) {
      await expect(actOn(world, id, await order(id, { output })))
        .to.be.revertedWithCustomError(pilot, 'BelowThreshold')
        .withArgs(id, found, 1000)
    }
    await actOn(world, id, await order(id, { output: 1000n }))
  })

  it('refuses rules that read another output than the model’s, and reads a plain label whole', async () => {
    const world = await createPilot()
    const { pilot, hub, owner, service, described, reads, grant, order, RULE } = world
    for (const schema of [OUTPUT.score, OUTPUT.hash, OUTPUT.label]) {
      await hub.connect(owner).registerModel(described(commitment(WEIGHTS[0]!), reads), service, 1, schema)
    }
    for (const [changes, error, args] of [
      [{ rule: RULE.atLeast }, 'OutputNotAScore', [FORM.labelAndMargin]],
      [{ modelId: 4 }, 'OutputNotALabel', [FORM.score]],
      [{ modelId: 5, rule: RULE.atLeast }, 'OutputNotAScore', [FORM.hash]],
      [{ modelId: 6 }, 'MarginNotStated', [6, LEAST]],
    ] as const) {
      await expect(grant(changes))
        .to.be.revertedWithCustomError(pilot, error)
        .withArgs(...args)
    }
    const id = await grant({ modelId: 6, threshold: 0 })
    const output = labelled(LABEL, 1n)
    await expect(actOn(world, id, await order(id, { output })))
      .to.be.revertedWithCustomError(pilot, 'LabelMismatch')
      .withArgs(id, output, LABEL)
    await actOn(world, id, await order(id, { output: BigInt(LABEL) }))
  })

  it('refuses another label and a lower margin', async () => {
    const world = await createPilot()
    const { pilot, grant, order } = world
    const id = await grant()
    await expect(actOn(world, id, await order(id, { output: labelled(1, LEAST) })))
      .to.be.revertedWithCustomError(pilot, 'LabelMismatch')
      .withArgs(id, 1, LABEL)
    await expect(actOn(world, id, await order(id, { output: labelled(LABEL, LEAST - 1n) })))
      .to.be.revertedWithCustomError(pilot, 'BelowThreshold')
      .withArgs(id, LEAST - 1n, LEAST)
  })

  it('refuses a call outside the mandate', async () => {
    const world = await createPilot()
    const { pilot, grant, order } = world
    const id = await grant()
    const selector = TARGET.getFunction('pay')!.selector
    const wrong = TARGET.encodeFunctionData('refuse', [true])
    await expect(actOn(world, id, await order(id, { data: wrong })))
      .to.be.revertedWithCustomError(pilot, 'SelectorMismatch')
      .withArgs(id, wrong.slice(0, 10), selector)
    await expect(actOn(world, id, await order(id, { data: selector.slice(0, 8) })))
      .to.be.revertedWithCustomError(pilot, 'DataLengthInvalid')
      .withArgs(3, 4)
    await expect(actOn(world, id, await order(id, { data: selector })))
      .to.be.revertedWithCustomError(pilot, 'DataLengthInvalid')
      .withArgs(4, 68)
    await expect(actOn(world, id, await order(id, { value: 5n })))
      .to.be.revertedWithCustomError(pilot, 'ValueNotAllowed')
      .withArgs(id, 5)
    await expect(actOn(world, id, await order(id, { amount: 101n })))
      .to.be.revertedWithCustomError(pilot, 'AmountAboveCallCap')
      .withArgs(id, 101, 100)
    expect((await pilot.usageOf(id)).calls).to.equal(0n)
  })

  it('refuses more than a period’s cap, until the next period', async () => {
    const world = await createPilot()
    const { pilot, target, networkHelpers, grant, order } = world
    const id = await grant()
    for (const content of ['first', 'second']) await actOn(world, id, await order(id, { content, amount: 100n }))
    const third = await order(id, { content: 'third', amount: 51n })
    await expect(actOn(world, id, third))
      .to.be.revertedWithCustomError(pilot, 'AmountAbovePeriodCap')
      .withArgs(id, 51, 200, 250)
    await actOn(world, id, await order(id, { content: 'fourth', amount: 50n }))
    const { grantedAt } = await pilot.usageOf(id)
    await networkHelpers.time.increaseTo(Number(grantedAt) + 7 * DAY)
    await actOn(world, id, third)
    expect(await target.calls()).to.equal(4n)
    const { spent, periodIndex } = await pilot.usageOf(id)
    expect([spent, periodIndex]).to.deep.equal([51n, 1n])
  })

  it('cools down between two calls', async () => {
    const world = await createPilot()
    const { pilot, networkHelpers, grant, order } = world
    const id = await grant({ cooldown: DAY })
    await actOn(world, id)
    const { lastAt } = await pilot.usageOf(id)
    const next = await order(id, { content: 'next' })
    await expect(actOn(world, id, next)).to.be.revertedWithCustomError(pilot, 'CoolingDown')
    await networkHelpers.time.increaseTo(Number(lastAt) + DAY)
    await actOn(world, id, next)
  })

  it('ends at its expiry, and at once when it is revoked', async () => {
    const world = await createPilot()
    const { pilot, dao, stranger, networkHelpers, grant, order } = world
    const [id, second] = [await grant(), await grant()]
    const [ordered, other] = [await order(id), await order(second)]
    await expect(pilot.connect(stranger).revoke(id)).to.be.revertedWithCustomError(
      pilot,
      'AccessControlUnauthorizedAccount',
    )
    await expect(pilot.connect(dao).revoke(id)).to.emit(pilot, 'MandateRevoked').withArgs(id)
    await expect(pilot.connect(dao).revoke(id)).to.be.revertedWithCustomError(pilot, 'MandateIsRevoked').withArgs(id)
    await expect(actOn(world, id, ordered))
      .to.be.revertedWithCustomError(pilot, 'MandateIsRevoked')
      .withArgs(id)
    const { expiresAt } = await pilot.mandateOf(second)
    await networkHelpers.time.increaseTo(expiresAt)
    await expect(actOn(world, second, other))
      .to.be.revertedWithCustomError(pilot, 'MandateExpired')
      .withArgs(second, expiresAt, expiresAt + 1n)
  })

  it('uses nothing up when the call fails, and says why it did', async () => {
    const world = await createPilot()
    const { pilot, target, dao, grant, order } = world
    const id = await grant()
    const ordered = await order(id)
    await target.refuse(true)
    await expect(actOn(world, id, ordered))
      .to.be.revertedWithCustomError(pilot, 'CallFailed')
      .withArgs(await target.getAddress(), TARGET.encodeErrorResult('Refused', [40]))
    expect(await pilot.isUsed(id, ordered.input)).to.equal(false)
    await target.refuse(false)
    await actOn(world, id, ordered)
    const dear = await grant({
      target: dao.address,
      selector: '0x00000000',
      amountWord: ETHER,
      maxPerCall: 2n ** 100n,
      maxPerPeriod: 2n ** 100n,
    })
    await expect(actOn(world, dear, await order(dear, { value: 10_001n, data: '0x' }))).to.be.revertedWithCustomError(
      pilot,
      'CallFailed',
    )
  })

  it('lets a target that re-enters change nothing', async () => {
    const world = await createPilot()
    const { pilot, target, grant, order } = world
    const id = await grant()
    const [first, second] = [await order(id), await order(id, { content: 'second' })]
    const again = pilot.interface.encodeFunctionData('act', [second.order, second.output, second.proof])
    await target.arm(await pilot.getAddress(), again)
    await actOn(world, id, first)
    expect(await target.succeeded()).to.equal(false)
    expect((await pilot.usageOf(id)).calls).to.equal(1n)
  })

  it('obeys the DAO in everything, and nobody else', async () => {
    const { pilot, target, dao, stranger, ethers, pay, mandate } = await createPilot()
    const address = await target.getAddress()
    expect(await pilot.connect(dao).execute.staticCall(address, 0, pay(9n))).to.equal(ethers.toBeHex(10, 32))
    await expect(pilot.connect(dao).execute(stranger, 10_000n, '0x')).to.changeEtherBalance(ethers, stranger, 10_000n)
    await expect(pilot.connect(stranger).execute(address, 0, '0x')).to.be.revertedWithCustomError(
      pilot,
      'AccessControlUnauthorizedAccount',
    )
    await expect(pilot.connect(stranger).grant(await mandate())).to.be.revertedWithCustomError(
      pilot,
      'AccessControlUnauthorizedAccount',
    )
  })
})

describe('DaoPilot mandates', () => {
  it('are recorded as granted', async () => {
    const { pilot, dao, mandate } = await createPilot()
    const given = await mandate()
    await expect(pilot.connect(dao).grant(given)).to.emit(pilot, 'MandateGranted')
    const plain = (struct: object) =>
      Object.fromEntries(Object.entries(struct).map(([key, value]) => [key, `${value}`]))
    expect(plain(fieldsOf(await pilot.mandateOf(1)))).to.deep.equal(plain(given))
    for (const read of [() => pilot.mandateOf(2), () => pilot.usageOf(0), () => pilot.connect(dao).revoke(2)]) {
      await expect(read()).to.be.revertedWithCustomError(pilot, 'UnknownMandate')
    }
  })

  it('are refused when their bounds make no sense', async () => {
    const { pilot, publishers, hub, stranger, ethers, grant } = await createPilot()
    const word = ethers.toBeHex(1, 32)
    const self = await pilot.getAddress()
    for (const [changes, error] of [
      [{ target: ethers.ZeroAddress }, 'TargetForbidden'],
      [{ target: self }, 'TargetForbidden'],
      [{ target: stranger.address }, 'TargetHasNoCode'],
      [{ expiresAt: 1 }, 'ExpiryPassed'],
      [{ period: 0 }, 'CapsInvalid'],
      [{ maxPerCall: 251n }, 'CapsInvalid'],
      [{ inputCommitment: word }, 'OriginAmbiguous'],
      [{ callHash: word }, 'OriginAmbiguous'],
      [{ publisherId: 0 }, 'OriginAmbiguous'],
      [{ publisherId: 0, callHash: word }, 'OriginAmbiguous'],
    ] as const) {
      await expect(grant(changes), JSON.stringify(Object.keys(changes))).to.be.revertedWithCustomError(pilot, error)
    }
    await expect(grant({ publisherId: 9 })).to.be.revertedWithCustomError(publishers, 'UnknownPublisher')
    await expect(grant({ modelId: 9 })).to.be.revertedWithCustomError(hub, 'ModelNotFound')
    for (const bad of [
      [ethers.ZeroAddress, publishers, stranger],
      [hub, ethers.ZeroAddress, stranger],
      [hub, publishers, ethers.ZeroAddress],
    ]) {
      await expect(ethers.deployContract('DaoPilot', bad)).to.be.revertedWithCustomError(pilot, 'ZeroAddress')
    }
  })

  it('takes an order until the moment that its publisher signed', async () => {
    const world = await createPilot()
    const { pilot, grant, order, networkHelpers } = world
    const id = await grant()
    const validUntil = (await networkHelpers.time.latest()) + 3600
    const late = await order(id, { validUntil })
    await networkHelpers.time.increaseTo(validUntil)
    await expect(actOn(world, id, late))
      .to.be.revertedWithCustomError(pilot, 'OrderExpired')
      .withArgs(id, validUntil, validUntil + 1)
    const stretched = { ...late, order: { ...late.order, validUntil: validUntil + 3600 } }
    await expect(actOn(world, id, stretched)).to.be.revertedWithCustomError(world.publishers, 'SignatureMismatch')
  })
})
