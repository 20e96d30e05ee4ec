// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { getBytes, ZeroAddress } from 'ethers'
import { commitBytes } from '../../../keepers/zkml/circuit/digest.ts'
import {
  BASIS,
  CLASS,
  createGuard,
  DAY,
  ERC20,
  type Guard,
  HOUR,
  LIMIT,
  labelled,
  MIN_MARGIN,
  MINUTE,
  OPERATION,
  ORIGIN,
} from './guard.ts'

async function configured(changes: object = {}): Promise<Guard> {
  const world = await createGuard()
  await world.configure(world.user, changes)
  return world
}

describe('SpendingGuard verdicts', () => {
  it('let one transaction above the limit pass, once', async () => {
    const { guard, fair, spend, check, prove, submit, hashOf, user, stranger } = await configured()
    const given = spend()
    const hash = await hashOf(given)
    await expect(check(given))
      .to.be.revertedWithCustomError(guard, 'VerdictMissing')
      .withArgs(hash, ZeroAddress, LIMIT + 1n, LIMIT)
    const made = await prove(given)
    const features = await guard.featuresOf(user, given, made.at)
    await expect(submit(given, made))
      .to.emit(guard, 'VerdictAccepted')
      .withArgs(user.address, hash, fair.id, 4, features, fair.output, made.at + 10 * MINUTE)
    await expect(check(given))
      .to.emit(guard, 'SpendPassed')
      .withArgs(user.address, ZeroAddress, stranger.address, LIMIT + 1n, hash, BASIS.verdict)
    expect((await guard.verdictOf(user, hash)).madeAt).to.equal(0n)
    await expect(check(given)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    // What a verdict let through does not use up the limit.
    expect(await guard.availableOf(user, ZeroAddress)).to.equal(LIMIT)
    expect(await guard.nonceOf(user)).to.equal(1n)
  })

  it('are about sixteen bytes that the contract computed, committed to as circuits that hash bytes do', async () => {
    const { guard, asset, spend, tokenSpend, check, judge, user, stranger, owner, now, networkHelpers } =
      await configured()
    const bytesOf = async (given = spend(), at?: number) =>
      getBytes(await guard.featuresOf(user, given, at ?? (await now())))
    const features = async (given = spend(), at?: number) => [...(await bytesOf(given, at))].slice(8)
    const given = spend()
    const bytes = await bytesOf()
    expect(Buffer.from(bytes.subarray(0, 8)).toString()).to.equal('spend.v1')
    const { inputCommitment } = await guard.statementOf(user, given, await now())
    const digest = createHash('sha256').update(bytes).digest('hex')
    expect(BigInt(inputCommitment)).to.equal(BigInt(`0x${digest}`) >> 8n)
    expect(BigInt(inputCommitment)).to.equal(commitBytes(bytes))
    // 256 · 1001 / 1000 = 256 has nine bits; nothing was spent, ever, nor paid to the recipient, who has no code.
    expect(await features()).to.deep.equal([9, 0, 0, 31, 0, 0, CLASS.native, ORIGIN.owners])

    await judge(given)
    await check(given)
    await check(spend({ value: 20n }))
    const at = (await now()) + 90
    expect(await features(spend({ value: 1n }), at)).to.deep.equal([0, 9, 2, 1, 2, 0, CLASS.native, ORIGIN.owners])
    const huge = spend({ value: 2n ** 255n, origin: ORIGIN.module })
    expect(await features(huge, at)).to.deep.equal([31, 9, 2, 1, 2, 0, CLASS.native, ORIGIN.module])
    const called = spend({ value: 2n ** 239n, data: '0x12', to: owner.address })
    expect(await features(called, at)).to.deep.equal([31, 9, 2, 1, 0, 0, CLASS.nativeWithData, ORIGIN.owners])
    const approval = tokenSpend('approve', [asset, 5000n])
    expect(await features(approval, at)).to.deep.equal([11, 0, 0, 1, 0, 1, CLASS.tokenApproval, ORIGIN.owners])
    for (const [name, args, kind] of [
      ['transfer', [stranger.address, 4n], CLASS.tokenTransfer],
      ['transferFrom', [user.address, stranger.address, 4n], CLASS.tokenTransferFrom],
    ] as const) {
      expect(await features(tokenSpend(name, args), at)).to.deep.equal([1, 0, 0, 1, 2, 0, kind, ORIGIN.owners])
    }
    // The next window starts blank; the past is remembered.
    await networkHelpers.time.increase(2 * DAY)
    expect(await features(spend({ value: 4n }))).to.deep.equal([1, 0, 0, 12, 2, 0, CLASS.native, ORIGIN.owners])
  })

  it('cap the amounts that they count', async () => {
    const { guard, spend, check, user, now } = await configured()
    for (let i = 0; i < 33; i++) await check(spend({ value: 1n }))
    const features = [...getBytes(await guard.featuresOf(user, spend(), await now()))].slice(8)
    expect(features).to.deep.equal([9, 4, 31, 0, 15, 0, CLASS.native, ORIGIN.owners])
  })

  it('serve one account, one transaction and one origin', async () => {
    const { guard, spend, check, judge, configure, prove, submit, hub, owner, user } = await configured()
    await configure(owner)
    const given = spend()
    await judge(given)
    for (const [other, by] of [
      [given, owner],
      [spend({ value: LIMIT + 2n }), user],
      [spend({ to: owner.address }), user],
      [spend({ data: '0x00' }), user],
      [spend({ origin: ORIGIN.module }), user],
    ] as const) {
      await expect(check(other, by)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    }
    const made = await prove(given)
    await expect(submit(given, made, owner.address)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(submit(spend({ value: LIMIT + 2n }), made)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await check(given)
  })

  it('are void once the account spent something else', async () => {
    const { guard, spend, check, judge, hashOf, prove, submit, hub } = await configured()
    const given = spend()
    const old = await prove(given)
    await judge(given)
    await check(spend({ value: 1n }))
    await expect(check(given))
      .to.be.revertedWithCustomError(guard, 'VerdictStale')
      .withArgs(await hashOf(given), 0, 1)
    await expect(submit(given, old)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await judge(given)
    await check(given)
  })

  it('expire', async () => {
    const { guard, spend, check, judge, hashOf, networkHelpers, user } = await configured()
    const given = spend()
    await judge(given)
    const hash = await hashOf(given)
    const until = (await guard.verdictOf(user, hash)).madeAt + BigInt(10 * MINUTE)
    await networkHelpers.time.increaseTo(until)
    await expect(check(given))
      .to.be.revertedWithCustomError(guard, 'VerdictExpired')
      .withArgs(hash, until, until + 1n)
  })

  it('are void when the recipient turns out to have code', async () => {
    const { guard, spend, check, judge, networkHelpers, stranger } = await configured()
    const given = spend()
    await judge(given)
    await networkHelpers.setCode(stranger.address, '0x00')
    await expect(check(given)).to.be.revertedWithCustomError(guard, 'FeaturesChanged')
  })

  it('are void under another policy', async () => {
    const world = await configured({ verdictSeconds: DAY, delay: HOUR })
    const { guard, spend, check, judge, policy, user, networkHelpers } = world
    const given = spend()
    await judge(given)
    const stricter = policy({ minMargin: MIN_MARGIN + 1n, verdictSeconds: DAY })
    await guard.connect(user).setPolicy(stricter)
    await networkHelpers.time.increase(HOUR)
    await expect(check(given)).to.be.revertedWithCustomError(guard, 'VerdictOfOtherPolicy')
  })

  it('count only with the approved label and the margin asked for', async () => {
    const { guard, spend, judge, addJudge, user, configure, owner, fair } = await configured()
    for (const [label, margin] of [
      [0, MIN_MARGIN + 9n],
      [1, MIN_MARGIN - 1n],
    ] as const) {
      const other = await addJudge(labelled(label, margin))
      await expect(judge(spend(), { judge: other }))
        .to.be.revertedWithCustomError(guard, 'VerdictUnfavourable')
        .withArgs(label, margin, 1, MIN_MARGIN)
    }
    const plain = await addJudge(1n)
    await configure(owner, { modelId: plain.id, margins: false, minMargin: 0n })
    const account = owner.address
    await judge(spend(), { account, judge: plain })
    await expect(judge(spend(), { account, judge: fair }))
      .to.be.revertedWithCustomError(guard, 'VerdictUnfavourable')
      .withArgs(fair.output, 0, 1, 0)
    expect(await guard.nonceOf(user)).to.equal(0n)
  })

  it('cannot come from another model, nor twice from one proof', async () => {
    const { guard, spend, prove, submit, addJudge, hub, user, hashOf } = await configured()
    const given = spend()
    const surer = await addJudge(labelled(1, MIN_MARGIN + 1n))
    const forged = await prove(given, { judge: surer })
    await expect(submit(given, forged)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    const made = await prove(given)
    await expect(submit(given, { ...made, output: surer.output })).to.be.revertedWithCustomError(hub, 'InvalidProof')
    expect((await guard.verdictOf(user, await hashOf(given))).madeAt).to.equal(0n)
    await submit(given, made)
    await expect(submit(given, made)).to.be.revertedWithCustomError(hub, 'AlreadyVerified')
  })

  it('are about a moment that is neither to come nor long ago', async () => {
    const { guard, spend, prove, submit, now } = await configured()
    const given = spend()
    const made = await prove(given)
    for (const offset of [1, -10 * MINUTE - 1]) {
      const block = (await now()) + 1
      await expect(submit(given, { ...made, at: block + offset }))
        .to.be.revertedWithCustomError(guard, 'VerdictTimeInvalid')
        .withArgs(block + offset, block - 10 * MINUTE, block)
    }
  })

  it('are not replaced by an older one of the same transaction in the same state', async () => {
    const { guard, configure, spend, check, prove, submit, hashOf, user, now, networkHelpers } = await createGuard()
    await configure()
    const given = spend()
    const start = await now()
    // Whoever likes proves this one, keeps it, and brings it right before it expires.
    const old = await prove(given, { at: start })
    await networkHelpers.time.increaseTo(start + 9 * MINUTE)
    const fresh = await prove(given, { at: start + 9 * MINUTE })
    await submit(given, fresh)
    await networkHelpers.time.increaseTo(start + 10 * MINUTE - 2)
    await expect(submit(given, old))
      .to.be.revertedWithCustomError(guard, 'NewerVerdictStands')
      .withArgs(await hashOf(given), fresh.at, old.at)
    expect((await guard.verdictOf(user, await hashOf(given))).madeAt).to.equal(BigInt(fresh.at))
    await networkHelpers.time.increaseTo(start + 11 * MINUTE)
    await check(given)
  })

  it('are for what moves something, and never for foreign code', async () => {
    const { guard, spend, tokenSpend, prove, submit, user, hashOf } = await configured()
    const made = await prove(spend())
    const code = spend({ operation: OPERATION.delegateCall })
    await expect(submit(code, made))
      .to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
      .withArgs(user.address, code.to)
    const own = { to: await guard.getAddress(), value: 0n, data: '0x12' }
    for (const idle of [
      spend({ value: 0n }),
      spend({ to: user.address }),
      tokenSpend('transfer', [user.address, 0n]),
      spend(own),
    ]) {
      await expect(submit(idle, made))
        .to.be.revertedWithCustomError(guard, 'NothingToJudge')
        .withArgs(await hashOf(idle))
    }
    await expect(guard.featuresOf(user, spend({ value: 0n }), 0)).to.be.revertedWithCustomError(guard, 'NothingToJudge')
  })

  it('are out of reach when the model is withdrawn: then an announcement is the way', async () => {
    const { guard, hub, owner, fair, spend, prove, submit, check, hashOf, user, networkHelpers } = await configured()
    const given = spend()
    const made = await prove(given)
    await hub.connect(owner).deprecateModel(fair.id)
    await expect(submit(given, made))
      .to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated')
      .withArgs(fair.id)
    await check(spend({ value: LIMIT }))
    await guard.connect(user).announce(await hashOf(given))
    await networkHelpers.time.increase(2 * DAY)
    await check(given)
  })
})

describe('SpendingGuard reading calldata', () => {
  const word = (value: string) => value.slice(2).padStart(64, '0')

  it('sees transfers and approvals of guarded tokens, and no spend in calls that move none', async () => {
    const { guard, asset, tokenSpend, spend, check, user, stranger, owner } = await configured()
    await expect(check(tokenSpend('transfer', [stranger.address, 300n]))).to.emit(guard, 'SpendPassed')
    await check(tokenSpend('approve', [stranger.address, 300n]))
    await check(tokenSpend('increaseAllowance', [stranger.address, 300n]))
    await check(tokenSpend('transferFrom', [user.address, stranger.address, 100n]))
    expect(await guard.availableOf(user, asset)).to.equal(0n)
    for (const [name, args] of [
      ['transfer', [stranger.address, 1n]],
      ['approve', [stranger.address, 1n]],
      ['increaseAllowance', [stranger.address, 1n]],
      ['transferFrom', [user.address, stranger.address, 1n]],
    ] as const) {
      await expect(check(tokenSpend(name, args)), name).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    }
    for (const idle of [
      tokenSpend('approve', [stranger.address, 0n]),
      tokenSpend('transferFrom', [owner.address, user.address, 10n ** 30n]),
      tokenSpend('transfer', [stranger.address, 10n ** 30n], { to: owner.address }),
      spend({ value: 0n, data: '0x12345678' }),
    ]) {
      await expect(check(idle)).to.not.emit(guard, 'SpendPassed')
    }
  })

  it('treats an unreadable call to a guarded token as above every limit', async () => {
    const { guard, asset, tokenSpend, spend, check, judge, stranger, user } = await configured()
    const transfer = ERC20.encodeFunctionData('transfer', [stranger.address, 1n])
    const selector = (name: string) => ERC20.getFunction(name)!.selector
    const dirty = word(`0x01${stranger.address.slice(2)}`)
    const unreadable = [
      tokenSpend('burn', [1n]),
      spend({ to: asset, value: 0n, data: '0x' }),
      spend({ to: asset, value: 0n, data: transfer.slice(0, -2) }),
      spend({ to: asset, value: 0n, data: `${selector('transfer')}${dirty}${word('0x01')}` }),
      spend({ to: asset, value: 0n, data: `${selector('transferFrom')}${dirty}${word('0x02')}${word('0x01')}` }),
      spend({ to: asset, value: 1n, data: transfer }),
      spend({ to: asset, value: 1n, data: '0x' }),
    ]
    for (const [i, given] of unreadable.entries()) {
      await expect(check(given), String(i)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    }
    await judge(unreadable[0]!)
    await expect(check(unreadable[0]!)).to.emit(guard, 'SpendPassed')
    expect(await guard.nonceOf(user)).to.equal(1n)
  })

  it('asks for a verdict when the account calls itself, and refuses foreign code without an announcement', async () => {
    const { guard, spend, check, judge, user, stranger } = await configured()
    const self = spend({ to: user.address, value: 0n, data: '0x610b5925' })
    await expect(check(self)).to.be.revertedWithCustomError(guard, 'VerdictMissing')
    await judge(self)
    await check(self)
    for (const origin of [ORIGIN.owners, ORIGIN.module]) {
      await expect(check(spend({ operation: OPERATION.delegateCall, value: 0n, origin })))
        .to.be.revertedWithCustomError(guard, 'DelegateCallRefused')
        .withArgs(user.address, stranger.address)
    }
  })
})
