// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { fieldsOf } from '../governance/accounts.ts'
import { WEIGHTS } from '../inference/hub.ts'
import { FORM, OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'
import { createMarkets, DAY, DISPUTE, FALLBACK, INVALID } from './market.ts'

describe('PredictionMarket creation', () => {
  it('pins the question for good, and says so in an event', async () => {
    const { market, stranger, question } = await createMarkets()
    const asked = await question()
    await expect(market.connect(stranger).createMarket(asked, 'Closed for a week?')).to.emit(market, 'MarketCreated')
    expect(await market.marketCount()).to.equal(1)
    const [event] = await market.queryFilter(market.filters.MarketCreated())
    expect([event!.args.creator, event!.args.text]).to.deep.equal([stranger.address, 'Closed for a week?'])
    for (const stored of [await market.questionOf(1), event!.args.question]) {
      const plain = Object.entries(fieldsOf(stored)).map(([key, value]) => [key, `${value}`])
      expect(Object.fromEntries(plain)).to.deep.equal(
        Object.fromEntries(Object.entries(asked).map(([key, value]) => [key, `${value}`])),
      )
    }
    expect(await market.positionId(1, 1)).to.equal(257)
  })

  it('refuses windows that are over, upside down or too long', async () => {
    const { market, networkHelpers, question } = await createMarkets()
    const now = await networkHelpers.time.latest()
    for (const window of [
      { opensAt: now + 2, closesAt: now + 1 },
      { closesAt: now + 13 * DAY },
      { opensAt: now - 10, closesAt: now },
    ]) {
      await expect(market.createMarket(await question(window), '')).to.be.revertedWithCustomError(
        market,
        'WindowInvalid',
      )
    }
    await expect(market.createMarket(await question({ deadline: now + 732 * DAY }), '')).to.be.revertedWithCustomError(
      market,
      'DeadlineTooFar',
    )
  })

  it('refuses class maps with an outcome that can never win, or that does not exist', async () => {
    const { market, question } = await createMarkets()
    const attempt = async (outcomes: number, classMap: string) =>
      market.createMarket(await question({ outcomes, classMap }), '')
    for (const outcomes of [0, 1, 17]) {
      await expect(attempt(outcomes, '0x0001'))
        .to.be.revertedWithCustomError(market, 'OutcomeCount')
        .withArgs(outcomes, 2, 16)
    }
    for (const length of [0, 32]) {
      await expect(attempt(2, `0x${'01'.repeat(length)}`))
        .to.be.revertedWithCustomError(market, 'ClassMapLength')
        .withArgs(length, 31)
    }
    await expect(attempt(2, '0x000102')).to.be.revertedWithCustomError(market, 'ClassMapsNowhere').withArgs(2, 2, 2)
    await expect(attempt(3, '0x0001ff')).to.be.revertedWithCustomError(market, 'OutcomeUnreachable').withArgs(2)
    await attempt(16, '0x000102030405060708090a0b0c0d0e0f')
  })

  it('refuses collateral without code and a text that is too long', async () => {
    const { market, stranger, question } = await createMarkets()
    await expect(market.createMarket(await question({ collateral: stranger.address }), ''))
      .to.be.revertedWithCustomError(market, 'CollateralHasNoCode')
      .withArgs(stranger.address)
    await expect(market.createMarket(await question(), 'x'.repeat(1025)))
      .to.be.revertedWithCustomError(market, 'TextTooLong')
      .withArgs(1025, 1024)
  })

  it('refuses publishers and models that do not exist or contradict the question', async () => {
    const { market, publishers, hub, owner, reading, circuit, question } = await createMarkets()
    const attempt = async (changes: object) => market.createMarket(await question(changes), '')
    await expect(attempt({ publisherId: 9 }))
      .to.be.revertedWithCustomError(publishers, 'UnknownPublisher')
      .withArgs(9, 2)
    await expect(attempt({ modelId: 9 }))
      .to.be.revertedWithCustomError(hub, 'ModelNotFound')
      .withArgs(9)
    await expect(attempt({ version: 2 }))
      .to.be.revertedWithCustomError(market, 'ModelPinsAnotherVersion')
      .withArgs(3, 1, 2)
    await expect(attempt({ modelId: 1, version: 0 }))
      .to.be.revertedWithCustomError(market, 'ModelPinsAnotherVersion')
      .withArgs(1, 0, 0)
    await expect(attempt({ vkHash: circuit.vkHash }))
      .to.be.revertedWithCustomError(market, 'VkHashMismatch')
      .withArgs(3, circuit.vkHash, reading.vkHash)
    await hub.connect(owner).deprecateModel(3)
    await expect(attempt({})).to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated').withArgs(3)
    expect(await market.marketCount()).to.equal(0)
  })

  it('refuses models without labels, and margins for models that state none', async () => {
    const { market, hub, owner, service, described, reads, question } = await createMarkets()
    for (const schema of [OUTPUT.score, OUTPUT.hash, OUTPUT.label]) {
      await hub.connect(owner).registerModel(described(commitment(WEIGHTS[0]!), reads), service, 1, schema)
    }
    for (const [modelId, form] of [
      [4, FORM.score],
      [5, FORM.hash],
    ] as const) {
      await expect(market.createMarket(await question({ modelId }), ''))
        .to.be.revertedWithCustomError(market, 'OutputNotALabel')
        .withArgs(form)
    }
    await expect(market.createMarket(await question({ modelId: 6, minMargin: 1n }), ''))
      .to.be.revertedWithCustomError(market, 'MarginNotStated')
      .withArgs(6, 1)
    await market.createMarket(await question({ modelId: 6, minMargin: 0n }), '')
  })

  it('opens a market on a version that is not released yet', async () => {
    const { market, hub, owner, service, described, reads, open } = await createMarkets()
    await hub.connect(owner).registerModel(described(commitment(WEIGHTS[1]!), reads), service, 2, OUTPUT.labelAndMargin)
    expect(await open({ modelId: 4, version: 2 })).to.equal(await market.marketCount())
  })

  it('reverts for a market that does not exist', async () => {
    const { market } = await createMarkets()
    for (const attempt of [
      () => market.questionOf(1),
      () => market.resolutionOf(0),
      () => market.potOf(1),
      () => market.contextOf(1),
      () => market.recordedAt(1, `0x${'00'.repeat(32)}`),
      () => market.flag(1),
      () => market.split(1, 1),
      () => market.merge(1, 1),
      () => market.redeem(1),
      () => market.settle(1, 0),
      () => market.recordStory(1, '0x', 1, '0x'),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(market, 'UnknownMarket')
    }
  })
})

describe('PredictionMarket deployment', () => {
  it('refuses addresses that are zero and delays out of range', async () => {
    const { market, hub, models, publishers, dao, ethers } = await createMarkets()
    const zero = ethers.ZeroAddress
    const good = [hub, models, publishers, DISPUTE, FALLBACK, dao, dao] as const
    for (const at of [0, 1, 2, 5, 6]) {
      const bad = good.map((argument, index) => (index === at ? zero : argument))
      await expect(ethers.deployContract('PredictionMarket', bad)).to.be.revertedWithCustomError(market, 'ZeroAddress')
    }
    for (const [at, value] of [
      [3, 0],
      [3, 31 * DAY],
      [4, 0],
      [4, 366 * DAY],
    ] as const) {
      const bad = good.map((argument, index) => (index === at ? value : argument))
      await expect(ethers.deployContract('PredictionMarket', bad))
        .to.be.revertedWithCustomError(market, 'DelayOutOfRange')
        .withArgs(value, 1, (at === 3 ? 30 : 365) * DAY)
    }
  })

  it('announces ERC-1155 and AccessControl', async () => {
    const { market } = await createMarkets()
    expect(await market.INVALID()).to.equal(INVALID)
    for (const [id, supported] of [
      ['0xd9b67a26', true],
      ['0x7965db0b', true],
      ['0x01ffc9a7', true],
      ['0xffffffff', false],
    ] as const) {
      expect(await market.supportsInterface(id), id).to.equal(supported)
    }
  })
})
