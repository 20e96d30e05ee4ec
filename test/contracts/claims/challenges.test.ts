// SPDX-License-Identifier: GPL-3.0-or-later
// Challenges: who gets a counter-batch, whom bonds go to, and what neither side can do to the other.
import { expect } from 'chai'
import { ContractFactory } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { BATCHES, BOND, createClaims, DAY, ELSEWHERE, SOURCE, STATUS, WINDOW } from './claims.ts'

const PRICE = BOND / 4n

/** Takes ether, and asks for more while it does. */
const GREEDY = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Greedy {
    uint256 public tries;
    bool public again;
    receive() external payable {
        ++tries;
        (again, ) = msg.sender.call(abi.encodeWithSignature("withdraw(address,address)", address(this), address(this)));
    }
    function run(address callee, bytes calldata what) external payable {
        (bool success, ) = callee.call{value: msg.value}(what);
        require(success);
    }
}`

describe('ClaimRegistry: challenges', () => {
  it('a refutation on the drawn batch takes badge and bond, less the treasury’s quarter', async () => {
    const world = await createClaims()
    const { claims, published, challenged, refutation, required, by, stranger, treasury, user, ethers } = world
    const { claimId, poolId } = await published()
    const drawn = required({ source: SOURCE.draw, by: by(poolId) })
    expect(await claims.hasBadge(drawn)).to.equal(true)
    const { challengeId, batch, path } = await challenged(claimId)
    const proof = await refutation(stranger, claimId, batch, challengeId)
    await expect(claims.connect(stranger).refute(challengeId, batch, path, proof))
      .to.emit(claims, 'ClaimFell')
      .withArgs(claimId, stranger.address, batch, (3n * BOND) / 4n)
    expect((await claims.claimOf(claimId)).status).to.equal(STATUS.fallen)
    expect(await claims.hasBadge(drawn)).to.equal(false)
    expect(await claims.meets(claimId, drawn)).to.equal(false)
    expect(await claims.balanceOf(stranger)).to.equal((3n * BOND) / 4n + PRICE)
    expect(await claims.balanceOf(treasury)).to.equal(BOND / 4n)
    expect(await claims.balanceOf(user)).to.equal(0n)
    await expect(claims.connect(stranger).withdraw(stranger, stranger)).to.changeEtherBalance(
      ethers,
      claims,
      -((3n * BOND) / 4n + PRICE),
    )
    await expect(claims.releaseBond(claimId)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
    await expect(claims.promote(claimId)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
    await expect(claims.openChallenge(claimId)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
  })

  it('what fell is not guaranteed again, for any bond; less is', async () => {
    const { claims, published, challenged, refutation, publish, tree, stranger } = await createClaims()
    const { claimId, index, given: first } = await published()
    const { challengeId, batch, path } = await challenged(claimId)
    const proof = await refutation(stranger, claimId, batch, challengeId)
    await claims.connect(stranger).refute(challengeId, batch, path, proof)
    const again = { batch: BATCHES[index]!, evidence: { signature: '0x', path: tree.path(index) } }
    for (const guarantee of [54, 60]) {
      await expect(publish({ ...first, guarantee }, again))
        .to.be.revertedWithCustomError(claims, 'GuaranteeRefuted')
        .withArgs(guarantee, 54)
    }
    const weaker = await publish({ ...first, guarantee: 53 }, again)
    // A second fall, of a weaker guarantee, bars that one too.
    const second = await challenged(weaker)
    const refuted = await refutation(stranger, weaker, second.batch, second.challengeId)
    await claims.connect(stranger).refute(second.challengeId, second.batch, second.path, refuted)
    await expect(publish({ ...first, guarantee: 53 }, again)).to.be.revertedWithCustomError(claims, 'GuaranteeRefuted')
    await publish({ ...first, guarantee: 52 }, again)
  })

  it('nobody spoils another’s badge by a claim in its place with an auditor of his own', async () => {
    const world = await createClaims()
    const { claims, published, publish, tree, stranger, required, by, refutation } = world
    const first = await published()
    // The spoiler has weights and batches.
    const evidence = { signature: '0x', path: tree.path(first.index) }
    const own = { ...first.given, source: SOURCE.claimant, guarantee: 1, auditor: stranger.address }
    const spoilt = await publish(own, { by: stranger })
    const signature = await world.counterSigned(stranger, spoilt, ELSEWHERE, stranger)
    const proof = await refutation(stranger, spoilt, ELSEWHERE)
    await claims.connect(stranger).refuteSigned(spoilt, ELSEWHERE, signature, proof)
    expect(await claims.hasBadge(required({ source: SOURCE.draw, by: by(first.poolId) }))).to.equal(true)
    // Others claim under the pool as before; under that auditor, nobody does.
    await publish(first.given, { batch: BATCHES[first.index]!, evidence })
    for (const by of [stranger, world.user])
      await expect(publish(own, { by })).to.be.revertedWithCustomError(claims, 'GuaranteeRefuted')
  })

  it('refuses a batch that the challenger picked, another’s refutation, and a proof made for something else', async () => {
    const world = await createClaims()
    const { claims, published, challenged, refutation, prove, tree, stranger, prover, user } = world
    const { claimId, given } = await published()
    const { challengeId, index, batch, path } = await challenged(claimId)
    const other = (index + 1) % BATCHES.length
    const refute = claims.connect(stranger).refute
    const onOther = await refutation(stranger, claimId, BATCHES[other]!, challengeId)
    for (const [picked, way] of [
      [BATCHES[other]!, tree.path(other)],
      [BATCHES[other]!, path],
      [ELSEWHERE, path],
    ] as const) {
      await expect(refute(challengeId, picked, way, onOther)).to.be.revertedWithCustomError(claims, 'NotDrawnBatch')
    }
    const proof = await refutation(stranger, claimId, batch, challengeId)
    for (const thief of [prover, user]) {
      await expect(claims.connect(thief).refute(challengeId, batch, path, proof)).to.be.revertedWithCustomError(
        claims,
        'NotChallenger',
      )
    }
    // With a challenge of his own that drew the same batch, a copied proof still names another challenger.
    const context = await claims.contextOf(stranger.address, given)
    const wrong = [
      await refutation(prover, claimId, batch, challengeId),
      await refutation(stranger, claimId, batch, challengeId + 1n),
      await prove(1n, batch, 54, context),
      await prove(1n, batch, 53, await claims.refutationContextOf(stranger, claimId, challengeId)),
      await prove(2n, batch, 54, await claims.refutationContextOf(stranger, claimId, challengeId)),
    ]
    for (const forged of wrong) {
      await expect(refute(challengeId, batch, path, forged)).to.be.revertedWithCustomError(claims, 'InvalidProof')
    }
    await refute(challengeId, batch, path, proof)
    await expect(refute(challengeId, batch, path, proof)).to.be.revertedWithCustomError(claims, 'ChallengeEnded')
  })

  it('a challenge costs a quarter of the bond before anything is drawn, and its draw lapses', async () => {
    const { claims, published, stranger, networkHelpers, terms, publish, refutation } = await createClaims()
    const { claimId } = await published()
    const open = (value: bigint) => claims.connect(stranger).openChallenge(claimId, { value })
    for (const value of [0n, PRICE - 1n, PRICE + 1n]) {
      await expect(open(value)).to.be.revertedWithCustomError(claims, 'WrongBond').withArgs(value, PRICE)
    }
    await open(PRICE)
    await expect(claims.fixChallenge(1)).to.be.revertedWithCustomError(claims, 'DrawTooEarly')
    const proof = await refutation(stranger, claimId, BATCHES[0]!, 1n)
    await expect(claims.connect(stranger).refute(1, BATCHES[0]!, [], proof)).to.be.revertedWithCustomError(
      claims,
      'NotDrawn',
    )
    await networkHelpers.mine(260)
    await expect(claims.fixChallenge(1)).to.be.revertedWithCustomError(claims, 'DrawLapsed')
    await expect(claims.fixChallenge(2)).to.be.revertedWithCustomError(claims, 'UnknownChallenge')
    await expect(claims.challengeOf(2)).to.be.revertedWithCustomError(claims, 'UnknownChallenge')
    const own = await publish(await terms())
    await expect(claims.openChallenge(own, { value: PRICE })).to.be.revertedWithCustomError(claims, 'NoPool')
  })

  it('a failed challenge pays the claimant, and holds nobody’s bond any longer', async () => {
    const { claims, published, challenged, refutation, at, user, treasury, stranger } = await createClaims()
    const { claimId } = await published()
    const { expiresAt } = await claims.claimOf(claimId)
    const { challengeId, batch, path } = await challenged(claimId)
    const { deadline } = await claims.challengeOf(challengeId)
    await at(Number(deadline))
    await expect(claims.settleChallenge(challengeId)).to.be.revertedWithCustomError(claims, 'TooEarly')
    const late = await refutation(stranger, claimId, batch, challengeId)
    await at(Number(deadline) + 1)
    await expect(claims.connect(stranger).refute(challengeId, batch, path, late)).to.be.revertedWithCustomError(
      claims,
      'TooLate',
    )
    await claims.settleChallenge(challengeId)
    await expect(claims.settleChallenge(challengeId)).to.be.revertedWithCustomError(claims, 'ChallengeEnded')
    expect(await claims.balanceOf(user)).to.equal(PRICE - PRICE / 4n)
    expect(await claims.balanceOf(treasury)).to.equal(PRICE / 4n)
    // Challenges in any number move the end of the bond's time by no second.
    await at(Number(expiresAt) - 2)
    await claims.connect(stranger).openChallenge(claimId, { value: PRICE })
    await at(Number(expiresAt))
    await expect(claims.connect(stranger).openChallenge(claimId, { value: PRICE })).to.be.revertedWithCustomError(
      claims,
      'TooLate',
    )
    await at(Number(expiresAt) + WINDOW)
    await expect(claims.releaseBond(claimId)).to.be.revertedWithCustomError(claims, 'TooEarly')
    await at(Number(expiresAt) + WINDOW + 1)
    await claims.connect(stranger).releaseBond(claimId)
    expect((await claims.claimOf(claimId)).status).to.equal(STATUS.released)
    expect(await claims.balanceOf(user)).to.equal(PRICE - PRICE / 4n + BOND)
    await expect(claims.releaseBond(claimId)).to.be.revertedWithCustomError(claims, 'ClaimEnded')
  })

  it('a challenge of the last second has its whole time', async () => {
    const { claims, published, refutation, at, stranger, networkHelpers, tree } = await createClaims()
    const { claimId } = await published()
    const { expiresAt } = await claims.claimOf(claimId)
    await at(Number(expiresAt) - 1)
    await claims.connect(stranger).openChallenge(claimId, { value: PRICE })
    await networkHelpers.mine(3)
    await claims.fixChallenge(1)
    const { indexPlusOne, deadline } = await claims.challengeOf(1)
    const index = Number(indexPlusOne) - 1
    const proof = await refutation(stranger, claimId, BATCHES[index]!, 1n)
    await at(Number(deadline))
    await claims.connect(stranger).refute(1, BATCHES[index]!, tree.path(index), proof)
    expect((await claims.claimOf(claimId)).status).to.equal(STATUS.fallen)
  })

  it('a claimant that challenges himself loses a quarter of his bond, and others get theirs back', async () => {
    const { claims, published, challenged, refutation, user, stranger, treasury } = await createClaims()
    const { claimId } = await published()
    const honest = await challenged(claimId, stranger)
    const own = await challenged(claimId, user)
    await claims
      .connect(user)
      .refute(own.challengeId, own.batch, own.path, await refutation(user, claimId, own.batch, own.challengeId))
    expect(await claims.balanceOf(user)).to.equal((3n * BOND) / 4n + PRICE)
    expect(await claims.balanceOf(treasury)).to.equal(BOND / 4n)
    // His draw was known before: that it refutes, he shows.
    await expect(claims.settleChallenge(honest.challengeId)).to.be.revertedWithCustomError(claims, 'TooEarly')
    const proof = await refutation(stranger, claimId, honest.batch, honest.challengeId)
    await claims.connect(stranger).refute(honest.challengeId, honest.batch, honest.path, proof)
    expect(await claims.balanceOf(stranger)).to.equal(PRICE)
    expect(await claims.balanceOf(user), 'the bond is paid once').to.equal((3n * BOND) / 4n + PRICE)
  })

  it('a challenge that had failed before the claim fell stays failed', async () => {
    const { claims, published, challenged, refutation, stranger, prover, networkHelpers } = await createClaims()
    const { claimId } = await published()
    const failed = await challenged(claimId, prover)
    await networkHelpers.time.increase(WINDOW + DAY)
    const hit = await challenged(claimId, stranger)
    const proof = await refutation(stranger, claimId, hit.batch, hit.challengeId)
    await claims.connect(stranger).refute(hit.challengeId, hit.batch, hit.path, proof)
    await claims.settleChallenge(failed.challengeId)
    expect(await claims.balanceOf(prover)).to.equal(0n)
  })

  it('a challenge ends without loss if its circuit is revoked', async () => {
    const { claims, published, challenged, verifiers, ids, stranger } = await createClaims()
    const { claimId } = await published()
    const { challengeId } = await challenged(claimId)
    await verifiers.revoke(ids.below)
    await claims.settleChallenge(challengeId)
    expect(await claims.balanceOf(stranger)).to.equal(PRICE)
  })

  it('the auditor’s counter-batch needs its signature for this claim and challenger, and no bond', async () => {
    const world = await createClaims()
    const { claims, terms, publish, auditor, stranger, user, refutation, ethers, at } = world
    const claimId = await publish(await terms({ auditor: auditor.address }))
    const domain = {
      name: 'Cohort claims',
      version: '1',
      chainId: (await ethers.provider.getNetwork()).chainId,
      verifyingContract: await claims.getAddress(),
    }
    const CounterBatch = [
      { name: 'challenger', type: 'address' },
      { name: 'claimId', type: 'uint256' },
      { name: 'batch', type: 'uint256' },
    ]
    const sign = (changes: object = {}, signer = auditor) =>
      signer.signTypedData(
        domain,
        { CounterBatch },
        { challenger: stranger.address, claimId, batch: BATCHES[0], ...changes },
      )
    const proof = await refutation(stranger, claimId, BATCHES[0]!)
    const refute = (signature: string, batch = BATCHES[0]!, by = stranger) =>
      claims.connect(by).refuteSigned(claimId, batch, signature, proof)
    const good = await sign()
    const [forged, elsewhere] = [await sign({}, stranger), await sign({ claimId: 7n })]
    const lies: [() => Promise<unknown>, string][] = [
      [() => refute(forged), 'a signature of the challenger’s own'],
      [() => refute(elsewhere), 'for another claim'],
      [() => refute(good, ELSEWHERE), 'for another batch'],
      [() => refute(good, BATCHES[0]!, user), 'a copy by the claimant'],
    ]
    for (const [lie, what] of lies) {
      await expect(lie(), what).to.be.revertedWithCustomError(claims, 'NotAuditorsSignature')
    }
    await expect(
      claims.connect(stranger).refuteSigned(claimId, BATCHES[0]!, good, await refutation(user, claimId, BATCHES[0]!)),
    ).to.be.revertedWithCustomError(claims, 'InvalidProof')
    const bare = await publish(await terms())
    await expect(claims.connect(stranger).refuteSigned(bare, BATCHES[0]!, good, proof)).to.be.revertedWithCustomError(
      claims,
      'NoAuditor',
    )
    const snapshot = await world.networkHelpers.takeSnapshot()
    await refute(good)
    expect(await claims.balanceOf(stranger)).to.equal((3n * BOND) / 4n)
    await snapshot.restore()
    const { expiresAt } = await claims.claimOf(claimId)
    await at(Number(expiresAt) + WINDOW + 1)
    await expect(refute(good)).to.be.revertedWithCustomError(claims, 'TooLate')
  })

  it('pays an account that calls back once', async () => {
    const { claims, terms, prove, user, treasury, ethers, networkHelpers } = await createClaims()
    const { abi, bytecode } = compile(GREEDY, { quick: true }).Greedy!
    const greedy = await new ContractFactory(abi, bytecode, user).deploy()
    const address = await greedy.getAddress()
    const given = await terms()
    const proof = await prove(1n, ELSEWHERE, given.figure, await claims.contextOf(address, given))
    const data = claims.interface.encodeFunctionData('publish', [
      given,
      ELSEWHERE,
      { signature: '0x', path: [] },
      proof,
    ])
    const run = greedy.getFunction('run')
    await run(await claims.getAddress(), data, { value: BOND })
    // Somebody else's ether, which the greedy contract is after.
    const other = await terms()
    const honest = await prove(1n, ELSEWHERE, other.figure, await claims.contextOf(treasury.address, other))
    await claims.connect(treasury).publish(other, ELSEWHERE, { signature: '0x', path: [] }, honest, { value: BOND })
    await networkHelpers.time.increase(40 * DAY)
    await claims.releaseBond(1)
    await claims.withdraw(address, address)
    expect(await greedy.getFunction('tries')()).to.equal(1n)
    expect(await greedy.getFunction('again')()).to.equal(false)
    expect(await ethers.provider.getBalance(address)).to.equal(BOND)
    expect(await ethers.provider.getBalance(claims)).to.equal(BOND)
  })
})
