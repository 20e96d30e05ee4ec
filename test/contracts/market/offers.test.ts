// SPDX-License-Identifier: GPL-3.0-or-later
// Offers of data: from offer to proof, and what liars try.
import { p256 } from '@noble/curves/nist.js'
import { expect } from 'chai'
import { AbiCoder, getBytes, keccak256, toBeHex } from 'ethers'
import { BatchTree } from '../../../keepers/chain/claims/batch-tree.ts'
import { hasSeat } from '../../../keepers/chain/seats.ts'
import { commitment, FIELD_ORDER } from '../inference/product-circuit.ts'
import { createPlayer } from '../rounds/fixture.ts'
import { BATCHES, createMarket, DAY, DEPOSIT, LEAVES, MAKER_SECRET, type Market, PRICE, RATE } from './market.ts'

const DEVICES = toBeHex((MAKER_SECRET * MAKER_SECRET) % FIELD_ORDER, 32)
const SUMMARY = { device: 3, count: 8, first: 1000, last: 1070, min: 201, max: 219, sum: 1680 }

function packed({ device, count, first, last, min, max, sum }: typeof SUMMARY): bigint {
  const values = [device, count, first, last, min, max, sum]
  return [0n, 16n, 32n, 80n, 128n, 160n, 192n].reduce((all, bits, i) => all + (BigInt(values[i]!) << bits), 0n)
}

/** An offer whose maker lists its devices, and an attestation of one of its leaves, with what differs. */
async function attested(
  world: Market,
  offerId: bigint,
  index = 0,
  changes: Partial<typeof SUMMARY> = {},
  secret = MAKER_SECRET,
) {
  const { offers, players, circuit, offered } = world
  const seller = players[0]!.owner
  const summary = { ...SUMMARY, ...changes }
  const context = await offers.contextOf(seller, offerId, index)
  const inputCommitment = LEAVES[index]!
  const proof = await circuit.prove({ weight: secret, inputCommitment, output: packed(summary), context })
  return {
    summary,
    proof,
    send: (by = seller) =>
      offers.connect(by).attest(offerId, index, inputCommitment, summary, offered.path(index), proof),
  }
}

describe('DataOffers', () => {
  it('from an offer to its price: a service admits it, and a proven improvement of a later version releases the price', async () => {
    const world = await createMarket(4)
    const { offers, offer, open, version, presented, settled, service, players, admin, stranger, networkHelpers } =
      world
    const campaign = await open()
    // Of a version in whose round the seller sat out it would earn nothing.
    const out = await world.rewards.sittersOf(campaign, 2)
    const seller = players.find(({ seat }) => !hasSeat(out, seat))!.owner
    await version(campaign)
    await presented(campaign, 1n, 130)
    const id = await offer({}, seller)
    expect(await offers.admit(service, seller)).to.deep.equal([false, world.word(seller.address)])
    await expect(offers.connect(stranger).buyIn(id, service, { value: PRICE })).to.be.revertedWithCustomError(
      offers,
      'NotServiceAdmin',
    )
    await expect(offers.buyIn(id, world.models, { value: PRICE })).to.be.revertedWithCustomError(
      offers,
      'NotServiceAdmin',
    )
    await expect(offers.buyIn(id, service, { value: PRICE - 1n })).to.be.revertedWithCustomError(offers, 'WrongPayment')
    await offers.connect(admin).buyIn(id, service, { value: PRICE })
    expect((await offers.admit(service, seller)).admitted).to.equal(true)
    await settled(campaign)
    // A version from before it was admitted shows nothing about the data.
    await expect(offers.release(id)).to.be.revertedWithCustomError(offers, 'NotImproved')
    await version(campaign)
    await presented(campaign, 2n, 150)
    await settled(campaign)
    await networkHelpers.time.increase(40 * DAY)
    await expect(offers.refund(id), 'late, but proven').to.be.revertedWithCustomError(offers, 'UnexpectedStatus')
    await offers.connect(stranger).release(id)
    expect(await offers.balanceOf(seller)).to.equal(PRICE)
    const { proven, offers: count, unproven } = await offers.reputationOf(seller)
    expect([count, proven, unproven]).to.deep.equal([1n, 1n, 0n])
    await expect(offers.release(id)).to.be.revertedWithCustomError(offers, 'UnexpectedStatus')
    await expect(offers.connect(seller).retire(id)).to.be.revertedWithCustomError(offers, 'TooEarly')
    await networkHelpers.time.increase(8 * DAY)
    await offers.connect(seller).retire(id)
    expect(await offers.balanceOf(seller)).to.equal(PRICE + DEPOSIT)
    await expect(offers.connect(seller).retire(id)).to.be.revertedWithCustomError(offers, 'UnexpectedStatus')
  })

  it('gives the price back when nothing was proven in time, and admits the seller no longer', async () => {
    const { offers, offer, service, players, admin, networkHelpers } = await createMarket(4)
    const seller = players[0]!.owner
    const id = await offer()
    await offers.buyIn(id, service, { value: PRICE })
    await expect(offers.refund(id)).to.be.revertedWithCustomError(offers, 'TooEarly')
    await networkHelpers.time.increase(30 * DAY + 1)
    await offers.refund(id)
    expect(await offers.balanceOf(admin)).to.equal(PRICE)
    expect((await offers.admit(service, seller)).admitted).to.equal(false)
    expect((await offers.reputationOf(seller)).unproven).to.equal(1n)
  })

  it('is an admission contract: only sellers whose data was bought in take seats', async () => {
    const world = await createMarket(4)
    const { offers, offer, service, registry, players, ethers } = world
    const newcomer = await createPlayer(world, 90)
    expect((await offers.admit(service, newcomer.owner)).admitted).to.equal(false)
    const id = await offer({}, newcomer.owner)
    await offers.buyIn(id, service, { value: PRICE })
    expect((await offers.admit(service, newcomer.owner)).admitted).to.equal(true)
    expect(await registry.isRegistered(newcomer.owner)).to.equal(true)
    expect((await offers.admit(await offers.getAddress(), newcomer.owner)).admitted, 'another service').to.equal(false)
    expect(players).to.have.length(4)
    expect(await ethers.provider.getBalance(offers)).to.equal(PRICE + DEPOSIT)
  })

  it('sybils: no offer without a registered keeper and a deposit, and a new name has no history', async () => {
    const world = await createMarket(4)
    const { offers, offerTerms, offer, players, stranger, claims, claim, fell, version, networkHelpers } = world
    await expect(offers.connect(stranger).offer(await offerTerms(), { value: DEPOSIT })).to.be.revertedWithCustomError(
      offers,
      'NotKeeper',
    )
    const seller = players[0]!.owner
    await expect(
      offers.connect(seller).offer(await offerTerms(), { value: DEPOSIT - 1n }),
    ).to.be.revertedWithCustomError(offers, 'WrongPayment')
    for (const changes of [
      { size: 1 },
      { size: 2 ** 20 + 1 },
      { expiresAt: 1 },
      { proveSeconds: 60 },
      { uri: 'x'.repeat(257) },
      { root: `0x${'00'.repeat(32)}` },
    ])
      await expect(
        offers.connect(seller).offer(await offerTerms(changes), { value: DEPOSIT }),
      ).to.be.revertedWithCustomError(offers, 'TermOutOfRange')
    await offer()
    const since = (await offers.reputationOf(seller)).since
    await networkHelpers.time.increase(DAY)
    // Claims that fell follow their claimant, once each.
    const about = await version()
    const claimId = await claim(about, BATCHES[0]!, 90)
    await expect(offers.reportFallen(seller, claimId)).to.be.revertedWithCustomError(offers, 'ClaimNotFallen')
    await fell(claimId)
    await offers.connect(stranger).reportFallen(seller, claimId)
    await expect(offers.reportFallen(seller, claimId)).to.be.revertedWithCustomError(offers, 'ClaimReported')
    await expect(offers.reportFallen(players[1]!.owner, claimId)).to.be.revertedWithCustomError(
      offers,
      'ClaimNotFallen',
    )
    const other = new BatchTree(LEAVES.slice(0, 4))
    await offer({ root: other.root, size: 4 }, players[1]!.owner)
    const [old, fresh] = [await offers.reputationOf(seller), await offers.reputationOf(players[1]!.owner)]
    expect([old.since, old.fallen, fresh.fallen]).to.deep.equal([since, 1n, 0n])
    expect(fresh.since).to.be.greaterThan(old.since)
    expect(await claims.claimCount()).to.equal(1n)
  })

  it('sells no root twice: not by its seller, and by another it shows as a copy', async () => {
    const { offers, offer, offerTerms, players } = await createMarket(4)
    const id = await offer()
    const again = offers.connect(players[0]!.owner).offer(await offerTerms({ schema: `0x${'11'.repeat(32)}` }), {
      value: DEPOSIT,
    })
    await expect(again)
      .to.be.revertedWithCustomError(offers, 'RootTaken')
      .withArgs((await offerTerms()).root, id)
    // Who copies a root out of the pool of transactions, and is first, does not keep its owner out.
    const copy = await offer({}, players[1]!.owner)
    expect([(await offers.offerOf(id)).copyOf, (await offers.offerOf(copy)).copyOf]).to.deep.equal([0n, id])
  })

  it('one payment releases one offer, of work since it was admitted, and not for a trifle', async () => {
    const world = await createMarket(4)
    const { offers, offer, open, version, presented, settled, service, players, rewards } = world
    const campaign = await open()
    const out = await rewards.sittersOf(campaign, 2)
    const seller = players.find(({ seat }) => !hasSeat(out, seat))!.owner
    const id = await offer({ minEarned: 6n * RATE }, seller)
    const second = await offer({ root: new BatchTree([...LEAVES].reverse()).root }, seller)
    await offers.buyIn(id, service, { value: PRICE })
    await expect(offers.buyIn(second, service, { value: PRICE }))
      .to.be.revertedWithCustomError(offers, 'OfferStands')
      .withArgs(id)
    await version(campaign)
    await presented(campaign, 1n, 130)
    await settled(campaign)
    // A fourth of 20 RATE is less than was agreed.
    await expect(offers.release(id)).to.be.revertedWithCustomError(offers, 'NotImproved')
    await version(campaign)
    await presented(campaign, 2n, 140)
    await settled(campaign)
    await offers.release(id)
    await offers.buyIn(second, service, { value: PRICE })
    await expect(offers.release(second)).to.be.revertedWithCustomError(offers, 'NotImproved')
  })

  it('takes the deposit of an offer with fewer leaves than it says', async () => {
    const { offers, offer, service, players, admin, stranger, treasury, networkHelpers } = await createMarket(4)
    const false_ = new BatchTree(LEAVES, 7)
    const id = await offer({ root: false_.root, size: 7 })
    await offers.buyIn(id, service, { value: PRICE })
    const by = offers.connect(stranger)
    await expect(by.disproveSize(id, 4, false_.path(4)), 'a leaf').to.be.revertedWithCustomError(offers, 'NotPadding')
    await expect(by.disproveSize(id, 5, false_.path(6)), 'another path').to.be.revertedWithCustomError(
      offers,
      'NotPadding',
    )
    await by.disproveSize(id, 5, false_.path(5))
    expect(await offers.balanceOf(stranger)).to.equal((3n * DEPOSIT) / 4n)
    expect(await offers.balanceOf(treasury)).to.equal(DEPOSIT / 4n)
    expect(await offers.balanceOf(admin)).to.equal(PRICE)
    const seller = players[0]!.owner
    expect((await offers.admit(service, seller)).admitted).to.equal(false)
    expect((await offers.reputationOf(seller)).struck).to.equal(1n)
    await expect(by.disproveSize(id, 5, false_.path(5))).to.be.revertedWithCustomError(offers, 'UnexpectedStatus')
    // An honest offer: the place beyond its size is padding, and no proof.
    const other = [...LEAVES].reverse()
    const honest = await offer({ root: new BatchTree(other).root })
    const beyond = new BatchTree(other, 7)
    expect(beyond.root).to.equal((await offers.offerOf(honest)).terms.root)
    await expect(by.disproveSize(honest, 5, beyond.path(5))).to.be.revertedWithCustomError(offers, 'NotPadding')
    // Whoever lied cannot take the deposit out before it expired, and others had a week.
    await networkHelpers.time.increase(30 * DAY)
    await expect(offers.connect(seller).retire(honest)).to.be.revertedWithCustomError(offers, 'TooEarly')
  })

  it('attests to samples that devices of the maker signed, once each', async () => {
    const world = await createMarket(4)
    const { offers, offer, players, stranger } = world
    const maker = stranger
    const id = await offer({ maker: maker.address })
    const early = await attested(world, id)
    await expect(early.send(), 'no devices yet').to.be.revertedWithCustomError(offers, 'DevicesChanged')
    await offers.connect(maker).listDevices(DEVICES)
    await expect(early.send(players[1]!.owner), 'a copy').to.be.revertedWithCustomError(offers, 'NotSeller')
    const forged = await attested(world, id, 0, {}, MAKER_SECRET + 1n)
    await expect(forged.send(), 'devices of another maker').to.be.revertedWithCustomError(offers, 'InvalidProof')
    const { proof } = await attested(world, id)
    const altered = offers
      .connect(players[0]!.owner)
      .attest(id, 0, LEAVES[0]!, { ...SUMMARY, count: 800 }, world.offered.path(0), proof)
    await expect(altered, 'more samples than were signed').to.be.revertedWithCustomError(offers, 'InvalidProof')
    const elsewhere = offers.connect(players[0]!.owner).attest(id, 1, LEAVES[0]!, SUMMARY, world.offered.path(1), proof)
    await expect(elsewhere).to.be.revertedWithCustomError(offers, 'NotLeaf')
    await early.send()
    await expect(early.send(), 'the leaf again').to.be.revertedWithCustomError(offers, 'NotLeaf')
    const replay = await attested(world, id, 1, { first: 1070, last: 1100 })
    await expect(replay.send()).to.be.revertedWithCustomError(offers, 'SamplesReplayed').withArgs(maker, 3, 1070, 1070)
    await (await attested(world, id, 1, { first: 1071, last: 1100 })).send()
    await (await attested(world, id, 2, { device: 4 })).send()
    expect((await offers.offerOf(id)).attested).to.equal(24n)
    expect(await offers.isAttestationCurrent(id)).to.equal(true)
    expect(await offers.counterOf(maker, 3)).to.equal(1101n)
    // The same samples in another offer, by another keeper.
    const stolen = new BatchTree([...LEAVES].reverse())
    const second = await offer({ maker: maker.address, root: stolen.root }, players[1]!.owner)
    const context = await offers.contextOf(players[1]!.owner, second, 0)
    const again = await world.circuit.prove({
      weight: MAKER_SECRET,
      inputCommitment: LEAVES[4]!,
      output: packed(SUMMARY),
      context,
    })
    const sold = offers.connect(players[1]!.owner).attest(second, 0, LEAVES[4]!, SUMMARY, stolen.path(0), again)
    await expect(sold).to.be.revertedWithCustomError(offers, 'SamplesReplayed')
  })

  it('a removed device attests no more, and what it attested shows as old', async () => {
    const world = await createMarket(4)
    const { offers, offer, stranger: maker } = world
    const id = await offer({ maker: maker.address })
    await offers.connect(maker).listDevices(DEVICES)
    await (await attested(world, id)).send()
    await offers.connect(maker).listDevices(commitment(MAKER_SECRET + 5n))
    expect(await offers.isAttestationCurrent(id)).to.equal(false)
    const late = await attested(world, id, 1, { first: 2000, last: 2010 })
    await expect(late.send()).to.be.revertedWithCustomError(offers, 'InvalidProof')
    // A device that is left attests under the new list: what the removed one attested does not count with it.
    await (await attested(world, id, 2, { device: 4, count: 2 }, MAKER_SECRET + 5n)).send()
    expect(await offers.isAttestationCurrent(id)).to.equal(true)
    expect((await offers.offerOf(id)).attested).to.equal(2n)
  })

  it('takes a maker’s P-256 signature over the offer, of a listed key alone', async () => {
    const { offers, offer, stranger: maker, players } = await createMarket(4)
    const id = await offer({ maker: maker.address })
    const other = await offer({ maker: maker.address, root: new BatchTree(LEAVES.slice(1)).root, size: 4 })
    const secret = getBytes(`0x${'2b'.repeat(32)}`)
    const point = p256.getPublicKey(secret, false)
    const [qx, qy] = [point.slice(1, 33), point.slice(33)]
    const keyHash = keccak256(AbiCoder.defaultAbiCoder().encode(['bytes32', 'bytes32'], [qx, qy]))
    const signed = async (offerId: bigint) => {
      const bytes = p256.sign(getBytes(await offers.offerDigest(offerId)), secret, { prehash: false, lowS: true })
      return [bytes.slice(0, 32), bytes.slice(32)] as const
    }
    const [r, s] = await signed(id)
    const by = offers.connect(players[2]!.owner)
    await expect(by.attestByKey(id, qx, qy, r, s)).to.be.revertedWithCustomError(offers, 'KeyNotListed')
    await offers.connect(maker).listKey(keyHash, true)
    await expect(by.attestByKey(other, qx, qy, r, s), 'of another offer').to.be.revertedWithCustomError(
      offers,
      'SignatureInvalid',
    )
    await expect(by.attestByKey(id, qx, qy, s, r)).to.be.revertedWithCustomError(offers, 'SignatureInvalid')
    await by.attestByKey(id, qx, qy, r, s)
    expect(await offers.isAttestationCurrent(id)).to.equal(true)
    await offers.connect(maker).listKey(keyHash, false)
    expect(await offers.isAttestationCurrent(id)).to.equal(false)
  })

  it('is admitted until it expires, and needs what it stands on', async () => {
    const { offers, offer, service, networkHelpers, ethers, parts } = await createMarket(4)
    const id = await offer()
    await networkHelpers.time.increase(31 * DAY)
    await expect(offers.buyIn(id, service, { value: PRICE })).to.be.revertedWithCustomError(offers, 'OfferExpired')
    await expect(offers.offerOf(9)).to.be.revertedWithCustomError(offers, 'UnknownOffer')
    const made = (changes: Record<number, unknown>) =>
      ethers.deployContract('DataOffers', parts.map((part, i) => (i in changes ? changes[i] : part)) as never)
    await expect(made({ 6: ethers.ZeroAddress })).to.be.revertedWithCustomError(offers, 'ZeroAddress')
    await expect(made({ 7: 0n })).to.be.revertedWithCustomError(offers, 'TermOutOfRange')
  })
})
