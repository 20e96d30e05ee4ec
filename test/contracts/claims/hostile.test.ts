// SPDX-License-Identifier: GPL-3.0-or-later
// What a liar, a rich challenger and a spoiler try with several claims, challenges or draws at once. Some of it is played again without the
// rule that prevents it, and then works.
import { expect } from 'chai'
import { BATCHES, BOND, COUNT, createClaims, ELSEWHERE, KIND, NOTHING, SOURCE, STATUS } from './claims.ts'
import { changeClaims } from './without.ts'

const PRICE = BOND / 4n
type World = Awaited<ReturnType<typeof createClaims>>

/** Opens challenges, refutes with the first; the numbers of the others, of which the draws missed. */
async function oneOfMany(world: World, count: number): Promise<bigint[]> {
  const { claims, published, challenged, refutation, stranger } = world
  const { claimId } = await published()
  const hit = await challenged(claimId)
  const missed: bigint[] = []
  for (let i = 1; i < count; i++) missed.push((await challenged(claimId)).challengeId)
  const proof = await refutation(stranger, claimId, hit.batch, hit.challengeId)
  await claims.connect(stranger).refute(hit.challengeId, hit.batch, hit.path, proof)
  return missed
}

/** A liar has its drawn claim fall on its own auditor's batch before a challenger refutes it under the pool; the challenger's part is left. */
async function fallenElsewhere(world: World) {
  const { claims, published, challenged, refutation, stranger, user, auditor } = world
  const first = await published({ auditor: auditor.address })
  const honest = await challenged(first.claimId, stranger)
  const signature = await world.counterSigned(user, first.claimId, ELSEWHERE)
  const own = await refutation(user, first.claimId, ELSEWHERE)
  await claims.connect(user).refuteSigned(first.claimId, ELSEWHERE, signature, own)
  const proof = await refutation(stranger, first.claimId, honest.batch, honest.challengeId)
  const refute = () => claims.connect(stranger).refute(honest.challengeId, honest.batch, honest.path, proof)
  const again = () =>
    world.publish(
      { ...first.given, auditor: world.ethers.ZeroAddress },
      { batch: BATCHES[first.index]!, evidence: { signature: '0x', path: world.tree.path(first.index) } },
    )
  return { ...first, refute, again }
}

describe('ClaimRegistry: several at once', () => {
  it('whoever opens many challenges pays for those that missed, though one hit', async () => {
    const world = await createClaims()
    const { claims, stranger, user, treasury, networkHelpers } = world
    const missed = await oneOfMany(world, 4)
    for (const challengeId of missed)
      await expect(claims.settleChallenge(challengeId)).to.be.revertedWithCustomError(claims, 'TooEarly')
    await networkHelpers.time.increaseTo((await claims.challengeOf(missed.at(-1)!)).deadline)
    for (const challengeId of missed) await claims.settleChallenge(challengeId)
    expect(await claims.balanceOf(stranger)).to.equal((3n * BOND) / 4n + PRICE)
    expect(await claims.balanceOf(user)).to.equal((9n * PRICE) / 4n)
    expect(await claims.balanceOf(treasury)).to.equal(BOND / 4n + (3n * PRICE) / 4n)
  })

  it('without that rule, three misses cost nothing', async () => {
    const world = await createClaims()
    const { claims, stranger } = world
    await changeClaims(world, {
      file: 'ClaimChallenges.sol',
      from: 'challenge.decidedBy >= claim.fellIn',
      to: 'claim.endedAt <= challenge.deadline',
    })
    for (const challengeId of await oneOfMany(world, 4)) await claims.settleChallenge(challengeId)
    expect(await claims.balanceOf(stranger)).to.equal((3n * BOND) / 4n + 4n * PRICE)
  })

  it('a challenge whose draw was not known when the claim fell is given back', async () => {
    const { claims, published, challenged, refutation, stranger, prover } = await createClaims()
    const { claimId } = await published()
    const hit = await challenged(claimId, stranger)
    const proof = await refutation(stranger, claimId, hit.batch, hit.challengeId)
    await claims.connect(prover).openChallenge(claimId, { value: PRICE })
    await claims.connect(stranger).refute(hit.challengeId, hit.batch, hit.path, proof)
    const { fellIn } = await claims.claimOf(claimId)
    expect((await claims.challengeOf(2)).decidedBy).to.equal(fellIn + 1n)
    await claims.settleChallenge(2)
    expect(await claims.balanceOf(prover)).to.equal(PRICE)
  })

  it('a fall on another’s batch does not save a guarantee under the pool whose draw refutes it', async () => {
    const world = await createClaims()
    const { claims, required, by, stranger, claimId, poolId, refute, again } = {
      ...world,
      ...(await fallenElsewhere(world)),
    }
    const drawn = required({ source: SOURCE.draw, by: by(poolId) })
    await again()
    expect(await claims.hasBadge(drawn), 'nothing is known of the pool yet').to.equal(true)
    await expect(refute()).to.emit(claims, 'GuaranteeFell').and.not.to.emit(claims, 'ClaimFell')
    expect(await claims.balanceOf(stranger), 'its own bond').to.equal(PRICE)
    expect(await claims.hasBadge(drawn)).to.equal(false)
    expect((await claims.claimOf(claimId)).status).to.equal(STATUS.fallen)
    await expect(again()).to.be.revertedWithCustomError(claims, 'GuaranteeRefuted').withArgs(54, 54)
  })

  it('without that rule, a liar keeps badge and pool for a quarter of a bond', async () => {
    const world = await createClaims()
    const { claims, required, by } = world
    await changeClaims(world, {
      file: 'ClaimChallenges.sol',
      from: 'if (claim.status == Status.Released)',
      to: 'if (claim.status != Status.Standing)',
    })
    const { poolId, refute, again } = await fallenElsewhere(world)
    await again()
    await expect(refute()).to.be.revertedWithCustomError(claims, 'ClaimEnded')
    expect(await claims.hasBadge(required({ source: SOURCE.draw, by: by(poolId) }))).to.equal(true)
  })

  it('nor does a draw save a guarantee under an auditor whose batch refutes it', async () => {
    const world = await createClaims()
    const { claims, published, challenged, refutation, stranger, user, auditor, terms, publish } = world
    const { claimId } = await published({ auditor: auditor.address })
    const own = await challenged(claimId, user)
    const self = await refutation(user, claimId, own.batch, own.challengeId)
    await claims.connect(user).refute(own.challengeId, own.batch, own.path, self)
    const signature = await world.counterSigned(stranger, claimId, ELSEWHERE)
    const proof = await refutation(stranger, claimId, ELSEWHERE)
    await claims.connect(stranger).refuteSigned(claimId, ELSEWHERE, signature, proof)
    expect(await claims.balanceOf(stranger), 'the bond is gone').to.equal(0n)
    await expect(publish(await terms({ auditor: auditor.address }))).to.be.revertedWithCustomError(
      claims,
      'GuaranteeRefuted',
    )
  })

  it('a spare claim that was published before does not bring a refuted badge back', async () => {
    const world = await createClaims()
    const { claims, published, challenged, refutation, publish, tree, stranger, required, by } = world
    const { claimId, poolId, index, given } = await published()
    const choice = { batch: BATCHES[index]!, evidence: { signature: '0x', path: tree.path(index) } }
    const later = { ...given, expiresAt: given.expiresAt - 1 }
    const spare = await publish(later, choice)
    const weaker = await publish({ ...later, guarantee: 53 }, choice)
    const { challengeId, batch, path } = await challenged(claimId)
    const proof = await refutation(stranger, claimId, batch, challengeId)
    await claims.connect(stranger).refute(challengeId, batch, path, proof)
    const drawn = required({ source: SOURCE.draw, by: by(poolId), bound: 53 })
    await expect(claims.promote(spare)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
    expect(await claims.meets(spare, drawn)).to.equal(false)
    await claims.promote(weaker)
    expect(await claims.hasBadge(drawn)).to.equal(true)
    // Its bond still stands, for the next challenger.
    const next = await challenged(spare)
    const refuted = await refutation(stranger, spare, next.batch, next.challengeId)
    await claims.connect(stranger).refute(next.challengeId, next.batch, next.path, refuted)
    expect((await claims.claimOf(spare)).status).to.equal(STATUS.fallen)
  })

  it('a claim by a key that half of the consumers do not trust displaces none by a ceremony’s', async () => {
    const world = await createClaims()
    const { claims, terms, publish, required, verifiers, circuit, dao, ids, ethers, statements, service, by } = world
    const verifier = await (await circuit.deployVerifier(dao, 'ceremony')).getAddress()
    const [made, opposite] = [ethers.id('made'), ethers.id('opposite')]
    for (const id of [made, opposite]) await verifiers.register(id, verifier, circuit.vkHash, 2, '0x1234')
    await claims.describe(made, opposite, { kind: KIND.accuracy, count: COUNT, positive: 0, bins: ethers.ZeroHash })
    const given = await terms({ circuitId: made })
    const first = await publish(given)
    const better = { ...given, guarantee: 60, expiresAt: given.expiresAt + 1 }
    const local = await publish({ ...better, circuitId: ids.accuracy }, { bond: 2n * BOND })
    expect(await claims.hasBadge(required({ ceremony: true }))).to.equal(true)
    await expect(claims.promote(local)).to.be.revertedWithCustomError(claims, 'NotBetter').withArgs(local, first)
    const next = await publish(better, { bond: 2n * BOND })
    expect(await claims.badgeOf(service, 1n, statements.accuracy, SOURCE.claimant, by(world.user))).to.equal(next)
  })

  it('draws for no version to come, which could be trained on what was drawn', async () => {
    const { claims, pool, user, service, statements, models, keepers, ethers, CID } = await createClaims()
    const poolId = await pool()
    const draw = (version: bigint) => claims.connect(user).draw(poolId, service, version, statements.accuracy, user)
    await expect(draw(4n)).to.be.revertedWithCustomError(claims, 'VersionNotClaimable').withArgs(service, 4n)
    await keepers.publish(1, 4, ethers.toBeHex(ELSEWHERE, 32), CID, 7)
    await draw(4n)
    await models.deprecate(service, 3n, ethers.ZeroHash)
    await expect(draw(3n)).to.be.revertedWithCustomError(claims, 'VersionNotClaimable')
  })

  it('an equal claim, which then falls, takes a badge away only until anybody promotes the first', async () => {
    const world = await createClaims()
    const { claims, published, publish, tree, stranger, required, by, refutation } = world
    const first = await published()
    const spoiler = await publish(
      { ...first.given, auditor: world.auditor.address },
      { batch: BATCHES[first.index]!, evidence: { ...NOTHING, path: tree.path(first.index) } },
    )
    const signature = await world.counterSigned(stranger, spoiler, ELSEWHERE)
    const proof = await refutation(stranger, spoiler, ELSEWHERE)
    await claims.connect(stranger).refuteSigned(spoiler, ELSEWHERE, signature, proof)
    const drawn = required({ source: SOURCE.draw, by: by(first.poolId) })
    expect(await claims.hasBadge(drawn)).to.equal(false)
    await claims.promote(first.claimId)
    expect(await claims.hasBadge(drawn)).to.equal(true)
  })
})
