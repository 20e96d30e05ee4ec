// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { WEIGHTS } from '../inference/hub.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'
import { altered, createMarkets, DAY, DISPUTE, INVALID, MARGIN, retagged, STATUS, UNIT } from './market.ts'
import { KIND, pressKey } from './publisher.ts'
import { labelled } from './reading-circuit.ts'

describe('PredictionMarket resolution', () => {
  it('pays the right outcome when a stranger submits a signed story and its proof', async () => {
    const world = await createMarkets()
    const { market, token, user, prover, stranger, networkHelpers, open, tell, submit, ids } = world
    const id = await open()
    await market.connect(user).split(id, 10n * UNIT)
    await market.connect(user).safeTransferFrom(user, prover, ids(id)[0]!, 10n * UNIT, '0x')
    const telling = await tell(id)
    expect(await market.statusOf(id)).to.equal(STATUS.trading)
    await expect(submit(telling, stranger))
      .to.emit(market, 'MarketResolved')
      .withArgs(id, 0, stranger.address, telling.digest, 1, telling.output, telling.story)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
    const { keyId, resolvedAt, flaggedAt, outcome } = await market.resolutionOf(id)
    expect([keyId, resolvedAt, flaggedAt, outcome]).to.deep.equal([
      1n,
      BigInt(await networkHelpers.time.latest()),
      0n,
      0n,
    ])
    await networkHelpers.time.increase(DISPUTE)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalances(
      world.ethers,
      token,
      [market, prover],
      [-10n * UNIT, 10n * UNIT],
    )
    await expect(market.connect(user).redeem(id)).to.changeTokenBalance(world.ethers, token, user, 0n)
  })

  it('maps every class to its outcome, and an abstention to an equal split', async () => {
    const { market, open, finish } = await createMarkets()
    for (const [label, outcome] of [0, 1, INVALID, 0].entries()) {
      const id = await open()
      await finish(id, label)
      expect((await market.resolutionOf(id)).outcome).to.equal(outcome)
      expect(await market.statusOf(id)).to.equal(outcome === INVALID ? STATUS.invalid : STATUS.final)
    }
  })

  it('builds tag and context as the specification says', async () => {
    const { market, hub, ethers, open } = await createMarkets()
    const id = await open()
    const address = await market.getAddress()
    const { chainId } = await ethers.provider.getNetwork()
    const abi = ethers.AbiCoder.defaultAbiCoder()
    const encoded = abi.encode(
      ['bytes32', 'uint256', 'address', 'uint256'],
      [ethers.id('cohort.market.story.v1'), chainId, address, id],
    )
    expect(await market.tagOf(id)).to.equal(ethers.keccak256(encoded).slice(0, 18))
    const request = await hub.directRequestId(address, ethers.toBeHex(id, 32))
    const { deadline } = await market.questionOf(id)
    expect(await market.contextOf(id)).to.equal(await hub.contextOf(request, address, 3, 1, deadline))
  })

  it('refuses a story under another key', async () => {
    const world = await createMarkets()
    const { market, publishers, owner, rival, press, networkHelpers, open, tell, submit } = world
    const id = await open()
    const telling = await tell(id)
    const forged = rival.sign(telling.story)
    await expect(submit({ ...telling, signature: forged }))
      .to.be.revertedWithCustomError(publishers, 'SignatureMismatch')
      .withArgs(1, telling.digest)
    await expect(submit({ ...telling, signature: forged, keyId: 2 }))
      .to.be.revertedWithCustomError(publishers, 'KeyOfAnotherPublisher')
      .withArgs(2, 2, 1)
    await expect(submit({ ...telling, keyId: 9 })).to.be.revertedWithCustomError(publishers, 'UnknownKey')
    await expect(submit({ ...telling, signature: '0x1234' }))
      .to.be.revertedWithCustomError(publishers, 'MalformedSignature')
      .withArgs(KIND.p256, 2, 64)
    const later = pressKey()
    const now = await networkHelpers.time.latest()
    await publishers.connect(owner).addKey(1, KIND.p256, now + DAY, now + 2 * DAY, later.material)
    await expect(submit({ ...telling, keyId: 3, signature: later.sign(telling.story) })).to.be.revertedWithCustomError(
      publishers,
      'KeyNotValid',
    )
    await publishers.connect(owner).revokeKey(1)
    await expect(submit({ ...telling, signature: press.sign(telling.story) })).to.be.revertedWithCustomError(
      publishers,
      'KeyRevoked',
    )
    expect(await market.statusOf(id)).to.equal(STATUS.trading)
  })

  it('refuses a story that is altered by one byte, anywhere behind the tag', async () => {
    const { market, publishers, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    for (const at of [8, 40, 118]) {
      await expect(submit({ ...telling, story: altered(telling.story, at) })).to.be.revertedWithCustomError(
        publishers,
        'SignatureMismatch',
      )
    }
    await expect(submit({ ...telling, story: altered(telling.story, 3) })).to.be.revertedWithCustomError(
      market,
      'TagMismatch',
    )
  })

  it('refuses a signed story with a proof about other bytes', async () => {
    const { hub, press, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    const story = altered(telling.story, 60)
    await expect(submit({ ...telling, story, signature: press.sign(story) })).to.be.revertedWithCustomError(
      hub,
      'InvalidProof',
    )
  })

  it('refuses the story of another market, with its tag and without', async () => {
    const { market, publishers, open, tell, submit } = await createMarkets()
    const [first, second] = [await open(), await open()]
    const telling = await tell(first)
    const tags = [await market.tagOf(first), await market.tagOf(second)] as const
    expect(tags[0]).to.not.equal(tags[1])
    await expect(submit({ ...telling, marketId: second }))
      .to.be.revertedWithCustomError(market, 'TagMismatch')
      .withArgs(second, ...tags)
    const moved = { ...telling, marketId: second, story: retagged(telling.story, tags[1]) }
    await expect(submit(moved)).to.be.revertedWithCustomError(publishers, 'SignatureMismatch')
  })

  it('refuses an unreleased version though the hub accepts its pin, and a withdrawn one', async () => {
    const world = await createMarkets()
    const { market, models, service, owner, hub, described, reads, ethers, open, tell, submit } = world
    await hub.connect(owner).registerModel(described(commitment(WEIGHTS[1]!), reads), service, 2, OUTPUT.labelAndMargin)
    const id = await open({ modelId: 4, version: 2 })
    const telling = await tell(id, { weight: WEIGHTS[1]! })
    await expect(submit(telling)).to.be.revertedWithCustomError(market, 'VersionNotReleased').withArgs(service, 2, 1)
    await models.release(service, 2)
    await submit(telling)
    const second = await open({ modelId: 4, version: 2 })
    const late = await tell(second, { weight: WEIGHTS[1]! })
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(submit(late)).to.be.revertedWithCustomError(market, 'VersionNotReleased').withArgs(service, 2, 3)
  })

  it('ignores whatever the owner of the hub’s model does with it', async () => {
    const { market, hub, owner, open, tell, submit } = await createMarkets()
    const id = await open()
    const telling = await tell(id)
    await hub.connect(owner).deprecateModel(3)
    await submit(telling)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'NoGroundsToFlag')
  })

  it('refuses a circuit that was revoked', async () => {
    const { market, verifiers, reading, open, question, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    await verifiers.revoke(reading.id)
    await expect(submit(telling)).to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
    await expect(market.createMarket(await question(), '')).to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
  })

  it('accepts a recorded story after its key expired, but not after its key was revoked', async () => {
    for (const revoked of [false, true]) {
      const { market, publishers, owner, networkHelpers, open, tell, submit } = await createMarkets()
      const id = await open()
      const telling = await tell(id)
      const other = await tell(id, { headline: 'Signed, and never recorded' })
      await market.recordStory(id, telling.story, 1, telling.signature)
      const until = (await networkHelpers.time.latest()) + DAY
      await publishers.connect(owner).retireKey(1, until)
      await networkHelpers.time.increaseTo(until)
      await expect(submit(other)).to.be.revertedWithCustomError(publishers, 'KeyNotValid')
      if (revoked) {
        await publishers.connect(owner).revokeKey(1)
        await expect(submit(telling)).to.be.revertedWithCustomError(publishers, 'KeyRevoked')
      } else {
        await submit(telling)
        expect(await market.statusOf(id)).to.equal(STATUS.pending)
      }
    }
  })

  it('does not split sets while intake is paused, but can be resolved', async () => {
    const { market, verifiers, user, networkHelpers, open, tell, submit } = await createMarkets()
    const id = await open()
    await market.connect(user).split(id, 10n)
    const until = (await networkHelpers.time.latest()) + DAY
    await verifiers.pauseIntake(until)
    await expect(market.connect(user).split(id, 10n)).to.be.revertedWithCustomError(verifiers, 'IntakeIsPaused')
    await market.connect(user).merge(id, 10n)
    await submit(await tell(id))
  })

  it('refuses a lower margin, and stays open for a clearer story', async () => {
    const { market, open, tell, submit } = await createMarkets()
    const id = await open()
    await expect(submit(await tell(id, { margin: MARGIN - 1n })))
      .to.be.revertedWithCustomError(market, 'MarginTooLow')
      .withArgs(id, MARGIN - 1n, MARGIN)
    expect(await market.statusOf(id)).to.equal(STATUS.trading)
    await submit(await tell(id, { headline: 'The harbour is closed until Friday week' }))
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
  })

  it('refuses a margin that is claimed and not proven', async () => {
    const { hub, open, tell, submit } = await createMarkets()
    const low = await tell(await open(), { margin: MARGIN - 1n })
    await expect(submit({ ...low, output: labelled(0, MARGIN) })).to.be.revertedWithCustomError(hub, 'InvalidProof')
  })

  it('refuses a label that the class map does not know', async () => {
    const { market, open, tell, submit } = await createMarkets()
    const id = await open()
    await expect(submit(await tell(id, { label: 4 })))
      .to.be.revertedWithCustomError(market, 'UnknownLabel')
      .withArgs(id, 4, 4)
  })

  it('refuses a story before the window opens', async () => {
    const { market, networkHelpers, open, tell, submit } = await createMarkets()
    const opensAt = (await networkHelpers.time.latest()) + DAY
    const id = await open({ opensAt })
    const telling = await tell(id)
    await expect(submit(telling)).to.be.revertedWithCustomError(market, 'StoryTooEarly')
    await networkHelpers.time.increaseTo(opensAt)
    await submit(telling)
  })

  it('refuses a story after the window, unless it was recorded in it', async () => {
    const { market, stranger, networkHelpers, open, tell, submit } = await createMarkets()
    const id = await open()
    const { closesAt } = await market.questionOf(id)
    const telling = await tell(id)
    const recording = [id, telling.story, 1, telling.signature] as const
    expect(await market.recordedAt(id, telling.digest)).to.equal(0n)
    await expect(market.connect(stranger).recordStory(...recording))
      .to.emit(market, 'StoryRecorded')
      .withArgs(id, telling.digest, 1, telling.story)
    const at = BigInt(await networkHelpers.time.latest())
    expect(await market.recordedAt(id, telling.digest)).to.equal(at)
    await expect(market.recordStory(...recording))
      .to.be.revertedWithCustomError(market, 'StoryAlreadyRecorded')
      .withArgs(id, telling.digest, at)
    const other = await tell(id, { headline: 'Never seen in time' })
    await networkHelpers.time.increaseTo(closesAt)
    await expect(submit(other))
      .to.be.revertedWithCustomError(market, 'StoryTooLate')
      .withArgs(id, closesAt, closesAt + 1n)
    await expect(market.recordStory(id, other.story, 1, other.signature)).to.be.revertedWithCustomError(
      market,
      'StoryTooLate',
    )
    await submit(telling)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
  })

  it('refuses everything after the deadline, when the market is invalid', async () => {
    const { market, networkHelpers, open, tell, submit } = await createMarkets()
    const id = await open()
    const { deadline } = await market.questionOf(id)
    const telling = await tell(id)
    await networkHelpers.time.increaseTo(deadline)
    expect(await market.statusOf(id)).to.equal(STATUS.trading)
    await expect(submit(telling))
      .to.be.revertedWithCustomError(market, 'ResolutionTooLate')
      .withArgs(id, deadline, deadline + 1n)
    await expect(market.recordStory(id, telling.story, 1, telling.signature)).to.be.revertedWithCustomError(
      market,
      'ResolutionTooLate',
    )
    await networkHelpers.mine()
    expect(await market.statusOf(id)).to.equal(STATUS.invalid)
  })

  it('refuses a story of the wrong length', async () => {
    const { market, press, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    for (const story of [
      new Uint8Array(),
      telling.story.subarray(0, 118),
      Buffer.concat([telling.story, Buffer.of(0)]),
    ]) {
      await expect(submit({ ...telling, story, signature: press.sign(story) }))
        .to.be.revertedWithCustomError(market, 'StoryLengthInvalid')
        .withArgs(story.length, 119)
    }
  })

  it('refuses a replay after resolution, under a new proof and a new story as well', async () => {
    const { market, reading, networkHelpers, open, tell, submit } = await createMarkets()
    const id = await open()
    const telling = await tell(id)
    await submit(telling)
    const { resolvedAt } = await market.resolutionOf(id)
    const proof = await reading.prove({ weight: WEIGHTS[0]!, ...telling })
    expect(proof.a[0]).to.not.equal(telling.proof.a[0], 'Groth16 proofs are randomised')
    const attempts = [telling, { ...telling, proof }, await tell(id, { headline: 'No, it reopens', label: 1 })]
    for (const wait of [1, DISPUTE, 20 * DAY]) {
      await networkHelpers.time.increase(wait)
      for (const attempt of attempts) {
        await expect(submit(attempt)).to.be.revertedWithCustomError(market, 'AlreadyResolved').withArgs(id, resolvedAt)
      }
    }
  })

  it('refuses markets that nobody made', async () => {
    const { market, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    for (const marketId of [0n, 2n]) {
      await expect(submit({ ...telling, marketId }))
        .to.be.revertedWithCustomError(market, 'UnknownMarket')
        .withArgs(marketId, 1)
      expect(await market.statusOf(marketId)).to.equal(STATUS.none)
    }
  })
})
