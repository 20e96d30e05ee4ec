// SPDX-License-Identifier: GPL-3.0-or-later
// Who gets a pass, and who does not, whatever they send. Proofs and verifiers are real.
import { expect } from 'chai'
import { holderOf } from '../../../keepers/apps/identity/credential.ts'
import { IntervalList } from '../../../keepers/apps/identity/interval-list.ts'
import { SCALAR_FIELD } from '../../../keepers/zkml/index.ts'
import { DEPTH, SECRET } from '../../keepers/apps/identity/tiny.ts'
import { restored } from '../restored.ts'
import { createWorld, DAY, POLICY } from './world.ts'

const open = restored(createWorld)

describe('IdentityGate', function () {
  this.timeout(300_000)

  it('gives a pass for a proof, and a token moves between accounts with one', async () => {
    const { gate, token, owner, holder, other, prove } = await open()
    expect(await gate.isPassed(holder.address)).to.equal(false)
    await expect(token.transfer(holder.address, 5n))
      .to.be.revertedWithCustomError(token, 'NotPassed')
      .withArgs(owner.address)
    const { statement, proof } = await prove(holder.address)
    const until = (statement.day + POLICY.passDays) * DAY
    // Somebody else brings it, and gains nothing by that.
    await expect(gate.connect(other).pass(holder.address, statement, proof))
      .to.emit(gate, 'Passed')
      .withArgs(holder.address, statement.nullifier, 1, until)
    expect([await gate.isPassed(holder.address), await gate.isPassed(other.address)]).to.deep.equal([true, false])
    expect(await gate.accountOf(statement.nullifier)).to.equal(holder.address)
    const owners = await prove(owner.address, { secret: SECRET + 1n })
    await gate.pass(owner.address, owners.statement, owners.proof)
    await token.transfer(holder.address, 5n)
    expect(await token.balanceOf(holder.address)).to.equal(5n)
    await expect(token.transfer(other.address, 5n))
      .to.be.revertedWithCustomError(token, 'NotPassed')
      .withArgs(other.address)
  })

  it('refuses a copy of the proof for another account, and one for another gate', async () => {
    const { gate, gateOf, holder, other, prove } = await open()
    const { statement, proof } = await prove(holder.address)
    await expect(gate.connect(other).pass(other.address, statement, proof))
      .to.be.revertedWithCustomError(gate, 'InvalidProof')
      .withArgs(other.address, statement.nullifier)
    const second = await gateOf()
    await expect(second.pass(holder.address, statement, proof)).to.be.revertedWithCustomError(second, 'InvalidProof')
    expect(await second.application()).to.not.equal(await gate.application())
  })

  it('refuses every other statement with the same proof', async () => {
    const { gate, lists, holder, prove, add } = await open()
    const { statement, proof } = await prove(holder.address)
    const revocations = new IntervalList(DEPTH)
    await add(2, revocations, 77n)
    const changes = {
      nullifier: statement.nullifier + 1n,
      challengeBlock: statement.challengeBlock - 1,
      day: statement.day - 1,
      revocationsRoot: revocations.root,
    }
    for (const [name, value] of Object.entries(changes)) {
      const call = gate.pass(holder.address, { ...statement, [name]: value }, proof)
      await expect(call, name).to.be.revertedWithCustomError(gate, 'InvalidProof')
    }
    expect((await lists.listOf(2)).size).to.equal(1n)
    await gate.pass(holder.address, statement, proof)
  })

  it('gives a person one account at a time: a second one waits until the first pass is over', async () => {
    const { gate, holder, other, prove, networkHelpers } = await open()
    const first = await prove(holder.address)
    await gate.pass(holder.address, first.statement, first.proof)
    const { until } = await gate.passOf(holder.address)
    const second = await prove(other.address)
    expect(second.statement.nullifier, 'the same person, the same mark').to.equal(first.statement.nullifier)
    await expect(gate.pass(other.address, second.statement, second.proof))
      .to.be.revertedWithCustomError(gate, 'NullifierTaken')
      .withArgs(first.statement.nullifier, holder.address, until)
    const renewed = await prove(holder.address)
    await gate.pass(holder.address, renewed.statement, renewed.proof)
    await networkHelpers.time.increaseTo(until)
    expect(await gate.isPassed(holder.address)).to.equal(false)
    const later = await prove(other.address)
    await gate.pass(other.address, later.statement, later.proof)
    expect(await gate.isPassed(other.address)).to.equal(true)
  })

  it('lets nobody replace the pass of an account by one as another person, but the account', async () => {
    const { gate, holder, other, prove } = await open()
    const first = await prove(holder.address)
    await gate.pass(holder.address, first.statement, first.proof)
    const meddler = await prove(holder.address, { secret: SECRET + 1n })
    await expect(gate.connect(other).pass(holder.address, meddler.statement, meddler.proof))
      .to.be.revertedWithCustomError(gate, 'AccountHasPass')
      .withArgs(holder.address, first.statement.nullifier)
    await gate.connect(holder).pass(holder.address, meddler.statement, meddler.proof)
    expect((await gate.passOf(holder.address)).nullifier).to.equal(meddler.statement.nullifier)
    // The first person may use another account now.
    const moved = await prove(other.address)
    await gate.pass(other.address, moved.statement, moved.proof)
    expect([await gate.isPassed(holder.address), await gate.isPassed(other.address)]).to.deep.equal([true, true])
  })

  it('refuses an alias of a nullifier, which would be a second account', async () => {
    const { gate, holder, other, prove } = await open()
    const first = await prove(holder.address)
    await gate.pass(holder.address, first.statement, first.proof)
    const { statement, proof } = await prove(other.address)
    for (const times of [1n, 2n, 5n]) {
      const alias = statement.nullifier + times * SCALAR_FIELD
      if (alias >= 1n << 256n) continue
      await expect(gate.pass(other.address, { ...statement, nullifier: alias }, proof))
        .to.be.revertedWithCustomError(gate, 'SignalOutOfField')
        .withArgs(alias)
    }
  })

  it('takes a replaced root for as long as the policy says, and never one that the list did not have', async () => {
    const { gate, lists, holder, prove, add, networkHelpers } = await open()
    const { statement, proof } = await prove(holder.address)
    await add(1, new IntervalList(DEPTH), 77n)
    const replacedAt = await networkHelpers.time.latest()
    await networkHelpers.time.increaseTo(replacedAt + POLICY.rootSeconds - 1)
    const inTime = await networkHelpers.takeSnapshot()
    await gate.pass(holder.address, statement, proof)
    await inTime.restore()
    await networkHelpers.time.increaseTo(replacedAt + POLICY.rootSeconds)
    await expect(gate.pass(holder.address, statement, proof))
      .to.be.revertedWithCustomError(lists, 'StaleRoot')
      .withArgs(1, statement.sanctionsRoot, replacedAt, POLICY.rootSeconds)
    await expect(gate.pass(holder.address, { ...statement, sanctionsRoot: 5n }, proof))
      .to.be.revertedWithCustomError(lists, 'UnknownRoot')
      .withArgs(1, 5n)
  })

  it('lets nobody through whose document is listed or whose credential is revoked, but others', async () => {
    const { gate, lists, holder, prove, add, networkHelpers } = await open()
    const before = await prove(holder.address)
    const [sanctions, revocations] = [new IntervalList(DEPTH), new IntervalList(DEPTH)]
    await add(1, sanctions, before.who.credential.document)
    await add(2, revocations, before.who.credential.id)
    await networkHelpers.time.increase(POLICY.rootSeconds + 1)
    await expect(gate.pass(holder.address, before.statement, before.proof)).to.be.revertedWithCustomError(
      lists,
      'StaleRoot',
    )
    const refused = await prove(holder.address, { sanctions, revocations }).catch((error: Error) => error.message)
    expect(refused).to.match(/on the list of sanctions/)
    const fields = { document: 12345n, holder: holderOf(SECRET) }
    const innocent = await prove(holder.address, { sanctions, revocations, fields })
    await gate.pass(holder.address, innocent.statement, innocent.proof)
  })

  it('stops at once with an issuer that is withdrawn, or a key that is revoked', async () => {
    const { gate, publishers, issuer, holder, prove } = await open()
    const { statement, proof } = await prove(holder.address)
    await gate.pass(holder.address, statement, proof)
    await gate.setIssuer(1, false, 2)
    expect(await gate.isPassed(holder.address)).to.equal(false)
    await expect(gate.pass(holder.address, statement, proof))
      .to.be.revertedWithCustomError(gate, 'IssuerNotAccepted')
      .withArgs(1)
    await gate.setIssuer(1, true, 2)
    expect(await gate.isPassed(holder.address), 'accepted again').to.equal(false)
    await gate.pass(holder.address, statement, proof)
    await gate.setIssuer(1, true, 1)
    await gate.setIssuer(1, true, 2)
    expect(await gate.isPassed(holder.address), 'another list of revocations is no withdrawal').to.equal(true)
    await publishers.connect(issuer).revokeKey(1)
    expect(await gate.isPassed(holder.address)).to.equal(false)
    await expect(gate.pass(holder.address, statement, proof)).to.be.revertedWithCustomError(publishers, 'KeyRevoked')
  })

  it('rotates an issuer’s keys: credentials under the old one serve until it is retired', async () => {
    const { gate, publishers, issuer, holder, prove, networkHelpers } = await open()
    const { statement, proof } = await prove(holder.address)
    const now = await networkHelpers.time.latest()
    await publishers.connect(issuer).retireKey(1, now + 50)
    await gate.pass(holder.address, statement, proof)
    await networkHelpers.time.increaseTo(now + 50)
    await expect(gate.pass(holder.address, statement, proof)).to.be.revertedWithCustomError(publishers, 'KeyNotValid')
    expect(await gate.isPassed(holder.address), 'what was proven in time').to.equal(true)
    const call = gate.pass(holder.address, { ...statement, keyId: 2 }, proof)
    await expect(call).to.be.revertedWithCustomError(publishers, 'UnknownKey')
  })

  it('takes a proof of today or yesterday, of no other day', async () => {
    const { gate, holder, prove, networkHelpers } = await open()
    const today = Math.floor((await networkHelpers.time.latest()) / DAY)
    await networkHelpers.time.increaseTo((today + 1) * DAY - 20)
    const { statement, proof } = await prove(holder.address)
    const future = { ...statement, day: statement.day + 1 }
    await expect(gate.pass(holder.address, future, proof))
      .to.be.revertedWithCustomError(gate, 'DayNotCurrent')
      .withArgs(today + 1, today)
    await networkHelpers.time.increaseTo((today + 1) * DAY + 5)
    await gate.pass(holder.address, statement, proof)
    await networkHelpers.time.increaseTo((today + 2) * DAY)
    await expect(gate.pass(holder.address, statement, proof))
      .to.be.revertedWithCustomError(gate, 'DayNotCurrent')
      .withArgs(today, today + 2)
  })

  it('takes a picture for as many blocks as the policy says, and none for a block to come', async () => {
    const { gate, holder, prove, ethers, networkHelpers } = await open()
    const { statement, proof } = await prove(holder.address)
    const ahead = { ...statement, challengeBlock: (await ethers.provider.getBlockNumber()) + 5 }
    await expect(gate.pass(holder.address, ahead, proof)).to.be.revertedWithCustomError(gate, 'ChallengeNotRecent')
    const current = await ethers.provider.getBlockNumber()
    await networkHelpers.mine(POLICY.challengeBlocks - (current + 1 - statement.challengeBlock))
    const inTime = await networkHelpers.takeSnapshot()
    await gate.pass(holder.address, statement, proof)
    await inTime.restore()
    await networkHelpers.mine(1)
    await expect(gate.pass(holder.address, statement, proof)).to.be.revertedWithCustomError(gate, 'ChallengeNotRecent')
  })

  it('ends all passes when its owner says so, and none made after that', async () => {
    const { gate, holder, other, prove, networkHelpers } = await open()
    const { statement, proof } = await prove(holder.address)
    await gate.pass(holder.address, statement, proof)
    await gate.endPasses()
    expect(await gate.isPassed(holder.address)).to.equal(false)
    await networkHelpers.mine(1)
    // The mark is free again: the pass that held it is over.
    const moved = await prove(other.address)
    await gate.pass(other.address, moved.statement, moved.proof)
    expect(await gate.isPassed(other.address)).to.equal(true)
  })

  it('takes no proof of before the end again, and none against a list of before it', async () => {
    const { gate, lists, holder, prove, add, ethers, networkHelpers } = await open()
    const before = await prove(holder.address)
    await gate.pass(holder.address, before.statement, before.proof)
    const sanctions = new IntervalList(DEPTH)
    await add(1, sanctions, before.who.credential.document)
    await gate.endPasses()
    const endedBlock = await ethers.provider.getBlockNumber()
    await networkHelpers.mine(1)
    // The same proof: its block is recent still, and its root was replaced seconds ago. Asked, not sent: the next picture is to be of the
    // very block of the end.
    await expect(gate.pass.staticCall(holder.address, before.statement, before.proof)).to.be.revertedWithCustomError(
      lists,
      'StaleRoot',
    )
    await expect(gate.contextOf(holder.address, before.statement.challengeBlock))
      .to.be.revertedWithCustomError(gate, 'ChallengeBeforeEnd')
      .withArgs(before.statement.challengeBlock, endedBlock)
    // A new picture, against the list without the document.
    const late = await prove(holder.address)
    expect(late.statement.challengeBlock).to.equal(endedBlock)
    await expect(gate.pass(holder.address, late.statement, late.proof)).to.be.revertedWithCustomError(
      lists,
      'StaleRoot',
    )
    // Somebody whom nobody listed: an older challenge is refused, and a root that was replaced after the end is taken.
    const innocent = { sanctions, secret: SECRET + 1n, fields: { holder: holderOf(SECRET + 1n), document: 99n } }
    const { statement, proof } = await prove(holder.address, innocent)
    const older = { ...statement, challengeBlock: endedBlock - 1 }
    await expect(gate.pass(holder.address, older, proof))
      .to.be.revertedWithCustomError(gate, 'ChallengeBeforeEnd')
      .withArgs(endedBlock - 1, endedBlock)
    await add(1, sanctions, 77n)
    await gate.pass(holder.address, statement, proof)
    expect(await gate.isPassed(holder.address)).to.equal(true)
  })

  it('is set by its owner alone, within bounds', async () => {
    const { gate, lists, publishers, holder, verifiers, ethers } = await open()
    for (const call of [
      () => gate.connect(holder).setPolicy(POLICY),
      () => gate.connect(holder).setIssuer(1, true, 2),
      () => gate.connect(holder).endPasses(),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(gate, 'AccessControlUnauthorizedAccount')
    }
    const refused = [
      [0, { minAge: 151 }],
      [1, { passDays: 0 }],
      [1, { passDays: 367 }],
      [2, { rootSeconds: DAY + 1 }],
      [3, { challengeBlocks: 0 }],
      [3, { challengeBlocks: 257 }],
      [5, { countries: [1n << 250n, 0n, 0n, 0n] }],
      [8, { countries: [0n, 0n, 0n, 1n << 255n] }],
    ] as const
    for (const [field, change] of refused) {
      const call = gate.setPolicy({ ...POLICY, ...change } as typeof POLICY)
      await expect(call).to.be.revertedWithCustomError(gate, 'InvalidPolicy')
      expect(field).to.be.within(0, 8)
    }
    await expect(gate.setPolicy({ ...POLICY, sanctionsList: 3 })).to.be.revertedWithCustomError(lists, 'UnknownList')
    await expect(gate.setIssuer(2, true, 2)).to.be.revertedWithCustomError(publishers, 'UnknownPublisher')
    await expect(gate.setIssuer(1, true, 3)).to.be.revertedWithCustomError(lists, 'UnknownList')
    await gate.setPolicy({ ...POLICY, minAge: 21 })
    expect((await gate.policy()).minAge).to.equal(21n)
    const zero = ethers.ZeroAddress
    const deployed = ethers.deployContract('IdentityGate', [
      verifiers,
      publishers,
      lists,
      await gate.CIRCUIT_ID(),
      zero,
      POLICY,
    ])
    await expect(deployed).to.be.revertedWithCustomError(gate, 'ZeroAddress')
  })

  it('follows the registry of verifiers: a revoked circuit lets nobody through', async () => {
    const { gate, verifiers, holder, prove } = await open()
    const { statement, proof } = await prove(holder.address)
    await gate.pass(holder.address, statement, proof)
    await verifiers.revoke(await gate.CIRCUIT_ID())
    expect(await gate.isPassed(holder.address), 'what its proofs gave').to.equal(false)
    await expect(gate.pass(holder.address, statement, proof)).to.be.revertedWithCustomError(
      verifiers,
      'CircuitIsRevoked',
    )
  })
})
