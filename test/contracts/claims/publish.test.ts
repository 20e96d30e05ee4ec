// SPDX-License-Identifier: GPL-3.0-or-later
// Claims and badges: what is recorded, what a consumer may rely on, and what a liar tries.
import { expect } from 'chai'
import { AbiCoder, keccak256, toBeHex, ZeroHash } from 'ethers'
import { BATCHES, BOND, COUNT, createClaims, DAY, ELSEWHERE, KIND, NOTHING, SOURCE } from './claims.ts'

describe('ClaimRegistry: claims and badges', () => {
  it('records a proven claim, which is the badge of its version, statement and source alone', async () => {
    const { claims, terms, publish, required, user, stranger, by, statements } = await createClaims()
    const given = await terms()
    const claimId = await publish(given)
    const claim = await claims.claimOf(claimId)
    expect(claim.claimant).to.equal(user.address)
    expect([claim.figure, claim.guarantee, claim.bond, claim.batch]).to.deep.equal([60n, 54n, BOND, ELSEWHERE])
    expect(await claims.badgeOf(given.service, 1n, statements.accuracy, SOURCE.claimant, by(user))).to.equal(claimId)
    expect(await claims.hasBadge(required())).to.equal(true)
    // The current release is version 1.
    expect(await claims.hasBadge(required({ version: 0n }))).to.equal(true)
    for (const [what, changes] of Object.entries({
      'a higher bound': { bound: 55 },
      'a higher bond': { minBond: BOND + 1n },
      'another version': { version: 2n },
      'another service': { service: stranger.address },
      'another statement': { statementId: statements.gap },
      'another claimant': { by: by(stranger) },
      'an auditor': { source: SOURCE.auditor },
      'a key from a ceremony': { ceremony: true },
    })) {
      expect(await claims.hasBadge(required(changes)), what).to.equal(false)
      expect(await claims.meets(claimId, required(changes)), what).to.equal(false)
    }
    expect(await claims.meets(claimId, required())).to.equal(true)
    expect(await claims.meets(claimId + 1n, required())).to.equal(false)
  })

  it('counts gaps downwards', async () => {
    const { claims, terms, publish, required, ids, statements } = await createClaims()
    await publish(await terms({ circuitId: ids.gap, figure: 40, guarantee: 100 }))
    const gap = { statementId: statements.gap }
    expect(await claims.hasBadge(required({ ...gap, bound: 100 }))).to.equal(true)
    expect(await claims.hasBadge(required({ ...gap, bound: 99 }))).to.equal(false)
  })

  it('refuses terms that no claim has', async () => {
    const { claims, terms, publish, ids, now, ethers, prover, service, models, verifiers } = await createClaims()
    const refused = async (changes: object, error: string) => {
      const given = await terms(changes)
      await expect(publish(given), error).to.be.revertedWithCustomError(claims, error)
    }
    await refused({ circuitId: ids.below }, 'CircuitNotDescribed')
    await refused({ figure: COUNT + 1, guarantee: 3 }, 'FigureInvalid')
    await refused({ figure: 50, guarantee: 51 }, 'FigureInvalid')
    await refused({ circuitId: ids.gap, figure: 40, guarantee: 39 }, 'FigureInvalid')
    await refused({ circuitId: ids.gap, figure: 40, guarantee: 1001 }, 'FigureInvalid')
    await refused({ expiresAt: await now() }, 'ExpiryInvalid')
    await refused({ expiresAt: (await now()) + 367 * DAY }, 'ExpiryInvalid')
    await refused({ source: 0 }, 'SourceInvalid')
    await refused({ source: SOURCE.auditor }, 'SourceInvalid')
    await refused({ source: SOURCE.draw }, 'SourceInvalid')
    await refused({ poolId: 9n }, 'UnknownPool')
    await refused({ service: prover.address }, 'VersionNotClaimable')
    await expect(claims.claimOf(1)).to.be.revertedWithCustomError(claims, 'UnknownClaim').withArgs(1)
    await expect(
      ethers.deployContract('ClaimRegistry', [models, verifiers, ethers.ZeroAddress, service]),
    ).to.be.revertedWithCustomError(claims, 'ZeroAddress')
  })

  it('takes no proof made for another account, version, registry, chain, batch, or other terms', async () => {
    const world = await createClaims()
    const { claims, terms, proofOf, prove, user, stranger, ethers, models, verifiers, treasury, dao, ids } = world
    const given = await terms()
    const proof = await proofOf(user, given, ELSEWHERE)
    const sent = (by: typeof user, changes: object = {}, batch = ELSEWHERE) =>
      claims.connect(by).publish({ ...given, ...changes }, batch, NOTHING, proof)
    const copies: [string, () => Promise<unknown>][] = [
      ['a copy from the pool of transactions', () => sent(stranger)],
      ['another version', () => sent(user, { version: 2n })],
      ['a later end', () => sent(user, { expiresAt: given.expiresAt + 1 })],
      ['another figure', () => sent(user, { figure: 61 })],
      ['another batch', () => sent(user, {}, BATCHES[0]!)],
      ['a batch out of the field', () => sent(user, {}, ELSEWHERE + 2n ** 255n)],
    ]
    for (const [what, copy] of copies) await expect(copy(), what).to.be.revertedWithCustomError(claims, 'InvalidProof')

    const other = await ethers.deployContract('ClaimRegistry', [models, verifiers, treasury, dao])
    await other.describe(ids.accuracy, ids.below, { kind: KIND.accuracy, count: COUNT, positive: 0, bins: ZeroHash })
    await expect(other.connect(user).publish(given, ELSEWHERE, NOTHING, proof)).to.be.revertedWithCustomError(
      other,
      'InvalidProof',
    )
    // The context by hand, for this chain (which passes) and for another one.
    const types = 'tuple(address,uint64,bytes32,uint8,address,uint64,uint32,uint32,uint48)'
    const context = async (chainId: bigint) => {
      const words = AbiCoder.defaultAbiCoder().encode(
        ['bytes32', 'uint256', 'address', 'address', types],
        [ethers.id('cohort.claim.context.v1'), chainId, await claims.getAddress(), user.address, Object.values(given)],
      )
      return BigInt(keccak256(words)) >> 8n
    }
    const { chainId } = await ethers.provider.getNetwork()
    expect(await context(chainId)).to.equal(await claims.contextOf(user, given))
    const foreign = await prove(1n, ELSEWHERE, given.figure, await context(chainId + 1n))
    await expect(claims.connect(user).publish(given, ELSEWHERE, NOTHING, foreign)).to.be.revertedWithCustomError(
      claims,
      'InvalidProof',
    )
    await sent(user)
  })

  it('takes an auditor’s batch by the auditor’s signature for this claimant, version, statement and batch', async () => {
    const world = await createClaims()
    const { claims, terms, publish, auditor, user, stranger, statements, service, required, by, ethers } = world
    const given = await terms({ source: SOURCE.auditor, auditor: auditor.address })
    const domain = {
      name: 'Cohort claims',
      version: '1',
      chainId: (await ethers.provider.getNetwork()).chainId,
      verifyingContract: await claims.getAddress(),
    }
    const ClaimBatch = [
      { name: 'claimant', type: 'address' },
      { name: 'service', type: 'address' },
      { name: 'version', type: 'uint64' },
      { name: 'statementId', type: 'bytes32' },
      { name: 'batch', type: 'uint256' },
    ]
    const sign = (changes: object = {}, signer = auditor) =>
      signer.signTypedData(
        domain,
        { ClaimBatch },
        {
          ...{ claimant: user.address, service, version: 1n, statementId: statements.accuracy, batch: ELSEWHERE },
          ...changes,
        },
      )
    const wrong = [
      await sign({}, stranger),
      await sign({ claimant: stranger.address }),
      await sign({ version: 2n }),
      await sign({ batch: BATCHES[0] }),
      '0x',
    ]
    for (const signature of wrong) {
      await expect(publish(given, { evidence: { signature, path: [] } }))
        .to.be.revertedWithCustomError(claims, 'NotAuditorsSignature')
        .withArgs(auditor.address)
    }
    await publish(given, { evidence: { signature: await sign(), path: [] } })
    const audited = { source: SOURCE.auditor, by: by(auditor) }
    expect(await claims.hasBadge(required(audited))).to.equal(true)
    expect(await claims.hasBadge(required()), 'it is not the claimant’s choice').to.equal(false)
  })

  it('a draw is for the pool’s keeper, once, by a later block; its batch alone passes', async () => {
    const world = await createClaims()
    const { claims, pool, terms, publish, tree, user, stranger, statements, service, networkHelpers } = world
    const poolId = await pool()
    const drawId = await claims.drawIdOf(poolId, service, 1n, statements.accuracy)
    const draw = (by: typeof user) => claims.connect(by).draw(poolId, service, 1n, statements.accuracy, user)
    await expect(draw(stranger)).to.be.revertedWithCustomError(claims, 'NotPoolKeeper')
    await expect(claims.fixDraw(drawId)).to.be.revertedWithCustomError(claims, 'NotDrawn').withArgs(drawId)
    const given = await terms({ source: SOURCE.draw, poolId })
    const sent = (index: number, batch = BATCHES[index]!, path = tree.path(index)) =>
      publish(given, { batch, evidence: { signature: '0x', path } })
    await expect(sent(0)).to.be.revertedWithCustomError(claims, 'NotDrawn')
    await draw(user)
    await expect(claims.fixDraw(drawId)).to.be.revertedWithCustomError(claims, 'DrawTooEarly')
    await networkHelpers.mine(2)
    await claims.connect(stranger).fixDraw(drawId)
    await expect(draw(user)).to.be.revertedWithCustomError(claims, 'AlreadyDrawn').withArgs(drawId)
    const index = Number((await claims.drawingOf(drawId)).indexPlusOne) - 1
    expect(index).to.be.within(0, BATCHES.length - 1)
    await claims.fixDraw(drawId)
    expect((await claims.drawingOf(drawId)).indexPlusOne, 'fixed for good').to.equal(BigInt(index + 1))

    const other = (index + 1) % BATCHES.length
    const path = tree.path(index)
    const lies: [string, () => Promise<unknown>][] = [
      ['another batch with its path', () => sent(other)],
      ['another batch with the drawn path', () => sent(index, BATCHES[other]!, path)],
      ['a batch of no pool', () => sent(index, ELSEWHERE, path)],
      ['a path too short', () => sent(index, BATCHES[index]!, path.slice(1))],
      ['a path too long', () => sent(index, BATCHES[index]!, [...path, toBeHex(0, 32)])],
    ]
    for (const [what, lie] of lies) await expect(lie(), what).to.be.revertedWithCustomError(claims, 'NotDrawnBatch')
    await sent(index)
    expect(await claims.hasBadge(world.required({ source: SOURCE.draw, by: world.by(poolId) }))).to.equal(true)
  })

  it('a draw that nobody fixed in time is lost: waiting for a better hash ends the pool', async () => {
    const { claims, pool, user, statements, service, networkHelpers } = await createClaims()
    const poolId = await pool()
    await claims.connect(user).draw(poolId, service, 1n, statements.accuracy, user)
    await networkHelpers.mine(260)
    const drawId = await claims.drawIdOf(poolId, service, 1n, statements.accuracy)
    await expect(claims.fixDraw(drawId)).to.be.revertedWithCustomError(claims, 'DrawLapsed')
    await expect(
      claims.connect(user).draw(poolId, service, 1n, statements.accuracy, user),
    ).to.be.revertedWithCustomError(claims, 'AlreadyDrawn')
  })

  it('refuses pools without batches', async () => {
    const { claims, tree } = await createClaims()
    for (const [root, size, uri] of [
      [ZeroHash, 4, ''],
      [tree.root, 1, ''],
      [tree.root, 2 ** 20 + 1, ''],
      [tree.root, 4, 'x'.repeat(257)],
    ] as const) {
      await expect(claims.commitPool(root, size, uri)).to.be.revertedWithCustomError(claims, 'PoolInvalid')
    }
    await expect(claims.poolOf(1)).to.be.revertedWithCustomError(claims, 'UnknownPool')
  })

  it('expires to the second', async () => {
    const { claims, terms, publish, required, at, networkHelpers, now } = await createClaims()
    const expiresAt = (await now()) + 100
    await publish(await terms({ expiresAt }))
    await at(expiresAt - 1)
    await networkHelpers.mine()
    expect(await claims.hasBadge(required())).to.equal(true)
    await at(expiresAt)
    await networkHelpers.mine()
    expect(await claims.hasBadge(required())).to.equal(false)
    await expect(claims.promote(1)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
  })

  it('a badge gives way only to a claim that is worse in nothing, and comes back by `promote`', async () => {
    const { claims, terms, publish, required, at, now, statements, service, by, user } = await createClaims()
    const badge = () => claims.badgeOf(service, 1n, statements.accuracy, SOURCE.claimant, by(user))
    const end = (await now()) + 30 * DAY
    const first = await publish(await terms({ expiresAt: end }))
    for (const [changes, bond] of [
      [{ guarantee: 60, expiresAt: end - 1 }, BOND],
      [{ guarantee: 53, expiresAt: end + 1 }, BOND],
      [{ guarantee: 60, expiresAt: end + 1 }, BOND - 1n],
    ] as const) {
      const weak = await publish(await terms(changes), { bond })
      expect(await badge(), 'a claim that is worse in one respect').to.equal(first)
      await expect(claims.promote(weak)).to.be.revertedWithCustomError(claims, 'NotBetter').withArgs(weak, first)
    }
    await expect(claims.promote(first)).to.be.revertedWithCustomError(claims, 'NotBetter')
    const longer = await publish(await terms({ expiresAt: end + DAY, guarantee: 53 }))
    expect(await badge()).to.equal(first)
    await at(end)
    await claims.promote(longer)
    expect(await badge()).to.equal(longer)
    expect(await claims.hasBadge(required({ bound: 53 }))).to.equal(true)
    const better = await publish(await terms({ expiresAt: end + 2 * DAY }))
    expect(await badge()).to.equal(better)
  })

  it('withdrawn versions, revoked circuits and a pause of intake count', async () => {
    const { claims, terms, publish, required, models, verifiers, service, ids, now, dao } = await createClaims()
    await publish(await terms())
    await publish(await terms({ version: 2n }))
    await publish(await terms({ circuitId: ids.gap, figure: 40, guarantee: 100 }))
    await models.deprecate(service, 1, ZeroHash)
    expect(await claims.hasBadge(required())).to.equal(false)
    await expect(publish(await terms())).to.be.revertedWithCustomError(claims, 'VersionNotClaimable')
    expect(await claims.hasBadge(required({ version: 2n }))).to.equal(true)
    await verifiers.revoke(ids.below)
    expect(await claims.hasBadge(required({ version: 2n })), 'nobody could refute it').to.equal(false)
    await verifiers.connect(dao).pauseIntake((await now()) + DAY)
    await expect(publish(await terms({ version: 2n }))).to.be.revertedWithCustomError(verifiers, 'IntakeIsPaused')
  })

  it('only the registrar says what a circuit proves, once, with a refutation of its own', async () => {
    const { claims, ids, stranger, ethers, verifiers, verifier, circuit } = await createClaims()
    const statement = { kind: KIND.gap, count: 8, positive: 0, bins: ZeroHash }
    const odd = ethers.id('odd')
    await expect(claims.connect(stranger).describe(odd, ids.below, statement)).to.be.revertedWithCustomError(
      claims,
      'AccessControlUnauthorizedAccount',
    )
    await expect(claims.describe(odd, ids.below, statement)).to.be.revertedWithCustomError(verifiers, 'UnknownCircuit')
    await verifiers.register(odd, verifier, circuit.vkHash, 1, '0x')
    await expect(claims.describe(odd, odd, statement)).to.be.revertedWithCustomError(claims, 'RefutationIsClaim')
    await expect(claims.describe(ids.gap, ids.below, statement)).to.be.revertedWithCustomError(
      claims,
      'CircuitAlreadyDescribed',
    )
    for (const changes of [
      { kind: 0 },
      { count: 0 },
      { count: 4096 },
      { kind: KIND.calibration },
      { bins: ethers.id('bins') },
      // Under a second name for the same meaning, a pool would draw a second time.
      { kind: KIND.accuracy, positive: 1 },
      { kind: KIND.calibration, bins: ethers.id('bins'), positive: 1 },
    ]) {
      await expect(claims.describe(odd, ids.below, { ...statement, ...changes })).to.be.revertedWithCustomError(
        claims,
        'StatementInvalid',
      )
    }
    await claims.describe(odd, ids.below, { ...statement, kind: KIND.calibration, bins: ethers.id('bins') })
    expect((await claims.statementOf(odd)).kind).to.equal(BigInt(KIND.calibration))
    expect((await claims.circuitOf(odd)).refutationId).to.equal(ids.below)
    expect((await claims.circuitOf(ids.below)).statementId).to.equal(ZeroHash)
  })
})
