// SPDX-License-Identifier: GPL-3.0-or-later
// What somebody who can prove, and has little to lose, does to the badge of another: holds its place, or lets a claim of his own fall under the
// same pool. Both are played again without the rules that prevent them, and then work.
import { expect } from 'chai'
import { BATCHES, BOND, createClaims, DAY, NOTHING, SOURCE, STATUS } from './claims.ts'
import { changeClaims } from './without.ts'

type World = Awaited<ReturnType<typeof createClaims>>

/** The stranger claims, on the user's draw, what is always true, for long and with a large bond that no refutation can take. */
async function squat(world: World) {
  const { pool, drawn, terms, publish, tree, now, stranger } = world
  const poolId = await pool()
  const index = await drawn(poolId)
  const choice = { batch: BATCHES[index]!, evidence: { signature: '0x', path: tree.path(index) } }
  const given = await terms({ source: SOURCE.draw, poolId })
  const empty = { ...given, guarantee: 0, expiresAt: (await now()) + 364 * DAY }
  return { poolId, given, choice, hold: () => publish(empty, { ...choice, by: stranger, bond: BOND + 1n }) }
}

/** The stranger claims as much as an honest claim under the same pool, for no bond, and refutes itself where a draw finds the one bad batch. */
async function selfRefuted(world: World) {
  const { claims, published, publish, challenged, refutation, stranger } = world
  const honest = await published()
  const own = { ...honest.given, source: SOURCE.claimant }
  const claimId = await publish(own, { by: stranger, bond: 0n })
  const { challengeId, batch, path } = await challenged(claimId, stranger)
  const proof = await refutation(stranger, claimId, batch, challengeId)
  await claims.connect(stranger).refute(challengeId, batch, path, proof)
  expect((await claims.claimOf(claimId)).status).to.equal(STATUS.fallen)
  return { ...honest, own }
}

describe('ClaimRegistry: vandals', () => {
  it('only the account for which a pool drew claims on the draw: nobody holds the place of its badge', async () => {
    const world = await createClaims()
    const { claims, publish, required, by, user, stranger, statements, service } = world
    const { poolId, given, choice, hold } = await squat(world)
    const drawId = await claims.drawIdOf(poolId, service, 1n, statements.accuracy)
    await expect(hold())
      .to.be.revertedWithCustomError(claims, 'NotDrawnClaimant')
      .withArgs(drawId, stranger.address, user.address)
    await publish(given, choice)
    expect(await claims.hasBadge(required({ source: SOURCE.draw, by: by(poolId) }))).to.equal(true)
  })

  it('a pool’s keeper draws for the claim of another account, and of one that there is', async () => {
    const world = await createClaims()
    const { claims, pool, drawn, terms, publish, tree, user, stranger, statements, service, ethers } = world
    const poolId = await pool()
    await expect(
      claims.connect(user).draw(poolId, service, 1n, statements.accuracy, ethers.ZeroAddress),
    ).to.be.revertedWithCustomError(claims, 'ZeroAddress')
    const index = await drawn(poolId, 1n, user, stranger)
    const choice = { batch: BATCHES[index]!, evidence: { ...NOTHING, path: tree.path(index) } }
    const given = await terms({ source: SOURCE.draw, poolId })
    await expect(publish(given, choice)).to.be.revertedWithCustomError(claims, 'NotDrawnClaimant')
    await publish(given, { ...choice, by: stranger })
  })

  it('a claim without a bond that falls under a pool bars its own claimant, and nobody else’s guarantee', async () => {
    const world = await createClaims()
    const { claims, publish, required, by, stranger } = world
    const { claimId, poolId, given, own, index } = await selfRefuted(world)
    const drawn = required({ source: SOURCE.draw, by: by(poolId) })
    expect(await claims.hasBadge(drawn)).to.equal(true)
    expect(await claims.meets(claimId, drawn)).to.equal(true)
    const path = world.tree.path(index)
    await publish(given, { batch: BATCHES[index]!, evidence: { signature: '0x', path } })
    await expect(publish(own, { by: stranger }))
      .to.be.revertedWithCustomError(claims, 'GuaranteeRefuted')
      .withArgs(54, 54)
  })

  it('without those two rules, a long claim that says nothing keeps the badge from a true one, or ends it for nothing', async () => {
    const world = await createClaims()
    const { claims, publish, required, by, networkHelpers } = world
    // Compiled once for both: neither attack needs the other's rule to be missing.
    await changeClaims(
      world,
      { file: 'BatchPools.sol', from: 'drawing.claimant != msg.sender', to: 'false' },
      {
        file: 'ClaimChallenges.sol',
        from: 'abi.encode(service, version, statementId, poolId, claimant)',
        to: 'abi.encode(service, version, statementId, poolId, address(0))',
      },
    )
    const snapshot = await networkHelpers.takeSnapshot()
    const { poolId, given, choice, hold } = await squat(world)
    const empty = await hold()
    const honest = await publish(given, choice)
    expect(await claims.hasBadge(required({ source: SOURCE.draw, by: by(poolId) }))).to.equal(false)
    await expect(claims.promote(honest)).to.be.revertedWithCustomError(claims, 'NotBetter').withArgs(honest, empty)

    await snapshot.restore()
    const refuted = await selfRefuted(world)
    expect(await claims.hasBadge(required({ source: SOURCE.draw, by: by(refuted.poolId) }))).to.equal(false)
  })

  it('what fell on a draw is barred for its claimant whoever chose the batch of the next claim', async () => {
    const world = await createClaims()
    const { claims, published, challenged, refutation, publish, stranger } = world
    const { claimId, given } = await published()
    const { challengeId, batch, path } = await challenged(claimId)
    const proof = await refutation(stranger, claimId, batch, challengeId)
    await expect(claims.connect(stranger).refute(challengeId, batch, path, proof))
      .to.emit(claims, 'GuaranteeFell')
      .withArgs(claimId, SOURCE.draw, 54)
    await expect(publish({ ...given, source: SOURCE.claimant })).to.be.revertedWithCustomError(
      claims,
      'GuaranteeRefuted',
    )
  })
})
