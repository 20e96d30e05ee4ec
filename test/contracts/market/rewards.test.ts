// SPDX-License-Identifier: GPL-3.0-or-later
// Rewards for proven improvement: who is paid for what, once.
import { expect } from 'chai'
import { hasSeat } from '../../../keepers/chain/seats.ts'
import { BATCHES, BUDGET, CLAIM_BOND, COUNT, createMarket, DAY, HOUR, type Market, RATE } from './market.ts'

const owners = ({ players }: Market) => players.map(({ owner }) => owner)
const balances = async (world: Market) =>
  await Promise.all(owners(world).map((owner) => world.rewards.balanceOf(owner)))

describe('ImprovementRewards', () => {
  it('pays a version for what it improves over the best so far less the margin, to the members of its round', async () => {
    const world = await createMarket(4)
    const { rewards, open, version, presented, settled, service, stranger, ethers } = world
    const id = await open()
    await version(id)
    await version(id)
    await presented(id, 1n, 130)
    await presented(id, 2n, 150)
    await settled(id)
    const [first, second] = [await rewards.measuredOf(id, 1), await rewards.measuredOf(id, 2)]
    expect([first.phase, second.phase]).to.deep.equal([3n, 3n])
    // 130 − 10 over the baseline of 100, then 150 − 10 over 120: all together one way from 100 to 140.
    for (const { prize } of [first, second]) expect(prize).to.be.within(20n * RATE - 3n, 20n * RATE)
    const { best, budget } = await rewards.campaignOf(id)
    expect(best).to.equal(140n)
    const paid = await balances(world)
    expect(paid.reduce((sum, one) => sum + one)).to.equal(BUDGET - budget)
    // One of the two rounds is one in which somebody sits out: that member has a part of the other one alone.
    const out = (await rewards.sittersOf(id, 2)) | (await rewards.sittersOf(id, 1))
    for (const [i, { owner, seat }] of world.players.entries()) {
      const parts = hasSeat(out, seat) ? [4n] : [4n, 3n]
      expect(paid[i]).to.equal(parts.reduce((sum, among) => sum + (20n * RATE) / among, 0n))
      expect(await rewards.earnedOf(service, owner)).to.equal(paid[i])
    }
    const [rich] = owners(world)
    const before = await ethers.provider.getBalance(rich!)
    await rewards.connect(stranger).withdraw(rich!, rich!)
    expect((await ethers.provider.getBalance(rich!)) - before).to.equal(paid[0])
    await expect(rewards.withdraw(rich!, rich!)).to.be.revertedWithCustomError(rewards, 'NothingToWithdraw')
  })

  it('pays nothing for what is not better by a step, and for no improvement twice', async () => {
    const world = await createMarket(4)
    const { rewards, open, version, presented, settled } = world
    const id = await open()
    for (let i = 0; i < 5; i++) await version(id)
    // Best after each: 120, 120 (one more is below the step of 2), 120 (worse), 120 (equal), 125.
    for (const [i, figure] of [130, 131, 110, 130, 135].entries()) await presented(id, BigInt(i + 1), figure)
    await settled(id)
    const prizes = []
    for (let v = 1; v <= 5; v++) prizes.push(Number((await rewards.measuredOf(id, v)).prize / (RATE / 100n)))
    expect(prizes.map((prize) => Math.round(prize / 100))).to.deep.equal([20, 0, 0, 0, 5])
    await expect(rewards.draw(id, 1)).to.be.revertedWithCustomError(rewards, 'DrawStands')
    await expect(rewards.settle(id)).to.be.revertedWithCustomError(rewards, 'NothingWaits')
  })

  it('never pays beyond its budget, and gives the rest back only after its end', async () => {
    const { rewards, open, version, presented, settled, admin, stranger, networkHelpers } = await createMarket(4)
    const id = await open({}, 5n * RATE)
    await version(id)
    await presented(id, 1n, 190)
    await expect(rewards.connect(stranger).close(id)).to.be.revertedWithCustomError(rewards, 'NotSponsor')
    await expect(rewards.close(id)).to.be.revertedWithCustomError(rewards, 'CampaignRuns')
    await settled(id)
    expect((await rewards.measuredOf(id, 1)).prize).to.be.within(4n * RATE, 5n * RATE)
    await rewards.connect(stranger).fund(id, { value: 7n })
    await networkHelpers.time.increase(100 * DAY)
    await expect(rewards.fund(id, { value: 1n })).to.be.revertedWithCustomError(rewards, 'CampaignOver')
    const { budget } = await rewards.campaignOf(id)
    await rewards.close(id)
    expect(await rewards.balanceOf(admin)).to.equal(budget)
    await rewards.close(id)
    expect(await rewards.balanceOf(admin)).to.equal(budget)
  })

  it('is opened by who administers the service, with terms that make sense', async () => {
    const { rewards, terms, stranger, statement, service, models } = await createMarket(4)
    await expect(rewards.connect(stranger).open(await terms())).to.be.revertedWithCustomError(
      rewards,
      'NotServiceAdmin',
    )
    await expect(rewards.open(await terms({ service: models }))).to.be.revertedWithCustomError(
      rewards,
      'NotServiceAdmin',
    )
    const gap = { ...statement, kind: 2, positive: 1 }
    await expect(rewards.open(await terms({ statement: gap }))).to.be.revertedWithCustomError(rewards, 'NotAccuracy')
    for (const changes of [
      { draws: 0 },
      { draws: 17 },
      { step: 0 },
      { baseline: 2 * COUNT + 1 },
      { margin: 2 * COUNT + 1 },
      { tolerance: COUNT + 1 },
      { presentSeconds: 60 },
      { patienceSeconds: 60 },
      { endsAt: 1 },
      { scoreBps: 10_001 },
      { scoredAfter: 0 },
    ]) {
      const refused = rewards.open(await terms(changes))
      await expect(refused, JSON.stringify(changes)).to.be.revertedWithCustomError(rewards, 'TermOutOfRange')
    }
    await expect(rewards.settle(1)).to.be.revertedWithCustomError(rewards, 'UnknownCampaign')
    expect(await rewards.unseenOf(service, 1)).to.equal(12n)
  })

  it('draws no batch twice, in no campaign of the service, and stops when all were seen', async () => {
    const { rewards, open, version, drawn, service, networkHelpers } = await createMarket(4)
    const id = await open({ draws: 5 })
    for (let i = 0; i < 3; i++) await version()
    const seen = [...(await drawn(id, 1n)), ...(await drawn(id, 2n))]
    expect(new Set(seen).size).to.equal(10)
    await expect(rewards.draw(id, 3)).to.be.revertedWithCustomError(rewards, 'HoldOutUsedUp').withArgs(2, 5)
    const other = await open({ draws: 2 })
    await version()
    expect(new Set([...seen, ...(await drawn(other, 4n))]).size).to.equal(12)
    expect(await rewards.unseenOf(service, 1)).to.equal(0n)
    await expect(open({ draws: 1 })).to.be.revertedWithCustomError(rewards, 'HoldOutUsedUp')
    await networkHelpers.mine(1)
  })

  it('takes claims that count, about this version, statement, pool and batches, with bond and guarantee', async () => {
    const world = await createMarket(4)
    const { rewards, open, version, drawn, claim, tree, claims, ids, verifiers } = world
    const id = await open()
    for (let i = 0; i < 2; i++) await version(id)
    const [a, b] = (await drawn(id, 1n)) as [number, number]
    const paths = [tree.path(a), tree.path(b)]
    const fine = await claim(1n, BATCHES[b]!, 70)
    const with_ = (claimId: bigint) => rewards.present(id, 1, [claimId, fine], paths)
    const refused: [string, bigint][] = [
      ['of another version', await claim(2n, BATCHES[a]!, 70)],
      ['with another pool', await claim(1n, BATCHES[a]!, 70, { poolId: 0n })],
      ['with a small bond', await claim(1n, BATCHES[a]!, 70, { bond: CLAIM_BOND - 1n })],
      ['with a weak guarantee', await claim(1n, BATCHES[a]!, 70, { guarantee: 64 })],
      [
        'that ends before it is settled',
        await claim(1n, BATCHES[a]!, 70, { expiresAt: (await world.now()) + 3 * DAY }),
      ],
    ]
    for (const [what, claimId] of refused)
      await expect(with_(claimId), what).to.be.revertedWithCustomError(rewards, 'ClaimUnfit').withArgs(claimId)
    const elsewhere = await claim(1n, BATCHES[b]!, 90)
    await expect(with_(elsewhere)).to.be.revertedWithCustomError(rewards, 'NotDrawnBatch').withArgs(elsewhere, a)
    const good = await claim(1n, BATCHES[a]!, 70)
    await expect(rewards.present(id, 1, [good], [paths[0]!])).to.be.revertedWithCustomError(rewards, 'ClaimCount')
    await expect(rewards.present(id, 2, [good, fine], paths)).to.be.revertedWithCustomError(rewards, 'DrawNotFixed')
    await with_(good)
    expect(await claims.claimCount()).to.be.greaterThan(6n)
    await verifiers.revoke(ids.accuracy)
    await expect(with_(good)).to.be.revertedWithCustomError(rewards, 'ClaimUnfit')
  })

  it('anybody draws and fixes, so that nobody holds a measurement back', async () => {
    const { rewards, open, version, stranger, networkHelpers } = await createMarket(4)
    const id = await open()
    await version(id)
    const by = rewards.connect(stranger)
    await by.draw(id, 1)
    await expect(by.fixDraw(id, 1)).to.be.revertedWithCustomError(rewards, 'DrawTooEarly')
    await expect(by.draw(id, 1)).to.be.revertedWithCustomError(rewards, 'DrawStands')
    await networkHelpers.mine(3)
    // Whoever dislikes what this hash draws cannot ask for another: the other side fixes it.
    await expect(by.draw(id, 1)).to.be.revertedWithCustomError(rewards, 'DrawStands')
    await networkHelpers.mine(257)
    await expect(by.fixDraw(id, 1)).to.be.revertedWithCustomError(rewards, 'DrawLapsed')
    await by.draw(id, 1)
    await networkHelpers.mine(3)
    await by.fixDraw(id, 1)
    await expect(by.fixDraw(id, 1)).to.be.revertedWithCustomError(rewards, 'NotMeasured')
  })

  it('draws for no version to come, none of before, none out of order but past those that were withdrawn', async () => {
    const { rewards, open, version, drawn, models, admin, service } = await createMarket(4)
    await version()
    const id = await open()
    await expect(rewards.draw(id, 1)).to.be.revertedWithCustomError(rewards, 'VersionOutOfOrder')
    await expect(rewards.draw(id, 2)).to.be.revertedWithCustomError(rewards, 'VersionNotAlive')
    for (let i = 0; i < 3; i++) await version()
    await expect(rewards.draw(id, 3)).to.be.revertedWithCustomError(rewards, 'VersionOutOfOrder').withArgs(3, 1)
    await models.grantRole(await models.RELEASE_ROLE(), admin)
    await models.deprecate(service, 2, `0x${'00'.repeat(32)}`)
    await expect(rewards.draw(id, 2)).to.be.revertedWithCustomError(rewards, 'VersionNotAlive')
    await drawn(id, 3n)
    await drawn(id, 4n)
  })

  it('who shows more takes the place of who showed less; a copy, or a late one, does not', async () => {
    const { rewards, open, version, presented, claim, tree, players, networkHelpers } = await createMarket(4)
    const id = await open()
    await version(id)
    // A saboteur shows less than is true, to have the round look bad.
    const { indices } = await presented(id, 1n, 60)
    const [a, b] = indices as [number, number]
    const paths = [tree.path(a), tree.path(b)]
    const by = players[1]!.owner
    const shown = async (figure: number) => {
      const claimIds = [await claim(1n, BATCHES[a]!, figure, { by }), await claim(1n, BATCHES[b]!, figure, { by })]
      return rewards.present(id, 1, claimIds, paths)
    }
    await expect(shown(30)).to.be.revertedWithCustomError(rewards, 'NotBetter').withArgs(60, 50)
    await shown(65)
    expect((await rewards.measuredOf(id, 1)).figure).to.equal(130n)
    await networkHelpers.time.increase(DAY + HOUR)
    await expect(shown(80)).to.be.revertedWithCustomError(rewards, 'TooLate')
    await expect(rewards.settle(id)).to.be.revertedWithCustomError(rewards, 'TooEarly')
    await networkHelpers.time.increase(DAY)
    await rewards.settle(id)
    expect((await rewards.campaignOf(id)).best).to.equal(120n)
  })

  it('a claim that falls is not paid, and nobody makes a version lapse by claims that are meant to fall', async () => {
    const { rewards, open, version, presented, settled, fell, claim, tree, networkHelpers, players, admin } =
      await createMarket(4)
    const id = await open()
    await version(id)
    const paths = (indices: readonly number[]) => indices.map((index) => tree.path(index))
    // The sponsor presents first, with guarantees that fall easily, and has them fall; and again.
    const { claimIds, indices } = await presented(id, 1n, 180, { by: admin, guarantee: 90 })
    await fell(claimIds[0]!)
    await networkHelpers.time.increase(2 * DAY + HOUR)
    await rewards.settle(id)
    expect((await rewards.measuredOf(id, 1)).figure).to.equal(0n)
    const meant = []
    for (const index of indices)
      meant.push(await claim(1n, BATCHES[index]!, 90, { by: players[3]!.owner, guarantee: 90 }))
    await rewards.present(id, 1, meant, paths(indices))
    // As many right answers with smaller guarantees take the place; with larger ones they do not get it back.
    const honest = []
    for (const index of indices) honest.push(await claim(1n, BATCHES[index]!, 90, { by: players[1]!.owner }))
    await rewards.present(id, 1, honest, paths(indices))
    await expect(rewards.present(id, 1, meant, paths(indices))).to.be.revertedWithCustomError(rewards, 'NotBetter')
    await fell(meant[1]!)
    await settled(id)
    const measured = await rewards.measuredOf(id, 1)
    expect([measured.phase, measured.prize]).to.deep.equal([3n, 70n * RATE])
  })

  it('takes no claim that an auditor could let fall whenever it suits', async () => {
    const { rewards, open, version, drawn, claim, tree, stranger } = await createMarket(4)
    const id = await open({ draws: 1 })
    await version(id)
    const [index] = (await drawn(id, 1n)) as [number]
    const claimId = await claim(1n, BATCHES[index]!, 90, { auditor: stranger.address })
    const refused = rewards.present(id, 1, [claimId], [tree.path(index)])
    await expect(refused).to.be.revertedWithCustomError(rewards, 'ClaimUnfit')
  })

  it('a draw that nobody fixes holds the queue up no longer than twice its time, and then frees the hold-out', async () => {
    const { rewards, open, version, networkHelpers } = await createMarket(4)
    const id = await open({ draws: 5 })
    for (let i = 0; i < 2; i++) await version(id)
    await rewards.draw(id, 1)
    const asked = await rewards.measuredOf(id, 1)
    await expect(rewards.draw(id, 2)).to.be.revertedWithCustomError(rewards, 'DrawPending')
    await networkHelpers.time.increase(DAY - HOUR)
    await networkHelpers.mine(258)
    await rewards.draw(id, 1)
    await networkHelpers.time.increase(DAY - HOUR)
    await networkHelpers.mine(258)
    await rewards.draw(id, 1)
    expect((await rewards.measuredOf(id, 1)).presentBy).to.equal(asked.askedAt + 2n * BigInt(DAY))
    await networkHelpers.time.increase(3 * HOUR)
    await networkHelpers.mine(258)
    await expect(rewards.draw(id, 1)).to.be.revertedWithCustomError(rewards, 'TooLate')
    await rewards.settle(id)
    expect((await rewards.measuredOf(id, 1)).phase).to.equal(4n)
    await rewards.draw(id, 2)
  })

  it('nobody changes what is drawn once the hash is known: not by hiding, nor by the order of draws', async () => {
    const { rewards, open, version, treasury, service, networkHelpers } = await createMarket(4)
    const id = await open({ draws: 5 })
    for (let i = 0; i < 2; i++) await version(id)
    await rewards.draw(id, 1)
    await networkHelpers.mine(3)
    const hide = () => rewards.connect(treasury).hide(service, 1, [4])
    await expect(hide()).to.be.revertedWithCustomError(rewards, 'DrawPending')
    await expect(rewards.draw(id, 2)).to.be.revertedWithCustomError(rewards, 'DrawPending')
    await rewards.fixDraw(id, 1)
    await hide()
    const left = await rewards.unseenOf(service, 1)
    if (left >= 5n) await rewards.draw(id, 2)
    else await expect(rewards.draw(id, 2)).to.be.revertedWithCustomError(rewards, 'HoldOutUsedUp')
  })

  it('batches that challenges opened are drawn no more, when the pool’s keeper says which', async () => {
    const { rewards, open, version, drawn, service, treasury, stranger } = await createMarket(4)
    const id = await open({ draws: 5 })
    for (let i = 0; i < 3; i++) await version()
    await expect(rewards.connect(stranger).hide(service, 1, [0])).to.be.revertedWithCustomError(
      rewards,
      'NotPoolKeeper',
    )
    await expect(rewards.connect(treasury).hide(service, 1, [12])).to.be.revertedWithCustomError(
      rewards,
      'IndexOutOfRange',
    )
    await rewards.connect(treasury).hide(service, 1, [3, 7, 3])
    expect(await rewards.unseenOf(service, 1)).to.equal(10n)
    const seen = [...(await drawn(id, 1n)), ...(await drawn(id, 2n))]
    expect(new Set([...seen, 3, 7]).size).to.equal(12)
    expect(await rewards.unseenOf(service, 1)).to.equal(0n)
    await rewards.connect(treasury).hide(service, 1, [seen[0]!])
    await expect(rewards.draw(id, 3)).to.be.revertedWithCustomError(rewards, 'HoldOutUsedUp').withArgs(0, 5)
  })

  it('a version that nobody presents lapses, and holds the next one up no longer than its time', async () => {
    const { rewards, open, version, drawn, presented, networkHelpers } = await createMarket(4)
    const id = await open()
    for (let i = 0; i < 2; i++) await version(id)
    await drawn(id, 1n)
    await presented(id, 2n, 140)
    await expect(rewards.settle(id)).to.be.revertedWithCustomError(rewards, 'TooEarly')
    await networkHelpers.time.increase(DAY + HOUR)
    await rewards.settle(id)
    expect((await rewards.measuredOf(id, 1)).phase).to.equal(4n)
    await networkHelpers.time.increase(DAY + HOUR)
    await rewards.settle(id)
    expect((await rewards.measuredOf(id, 2)).phase).to.equal(3n)
  })

  it('pays nobody for an epoch that nobody noted, and notes none twice or before its key is there', async () => {
    const { rewards, open, version, service, models } = await createMarket(4)
    const id = await open()
    await version(id)
    await rewards.noteEpoch(service)
    await expect(rewards.noteEpoch(service)).to.be.revertedWithCustomError(rewards, 'EpochAlreadyNoted')
    const { keepers } = await rewards.epochOf(service, (await service.epochInfo()).epoch)
    expect(keepers).to.have.length(4)
    await rewards.draw(id, 1)
    expect(await models.versionCount(service)).to.equal(1n)
  })
})
