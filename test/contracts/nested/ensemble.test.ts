// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'
import { createServices, HOUR, INPUT, RULE, STATUS } from './ensemble.ts'

describe('ServiceEnsemble', () => {
  it('decides by the weight behind a label, and gives back what nobody earned', async () => {
    const { ensembles, hub, addService, found, ask, answer, asker, prover } = await createServices()
    const members = [await addService(7), await addService(7), await addService(3)]
    const id = await found({}, members, [1000, 1000, 1500])
    const question = await ask(id, { value: 3002n })
    await expect(ensembles.close(question)).to.be.revertedWithCustomError(ensembles, 'NotClosableYet')
    for (const member of members) await answer(question, member)
    await expect(ensembles.close(question))
      .to.emit(ensembles, 'QuestionClosed')
      .withArgs(question, id, STATUS.decided, 7, 142, 3, 0)
    expect([...(await ensembles.resultOf(question))]).to.deep.equal([7n, 142n])
    await expect(ensembles.close(question)).to.be.revertedWithCustomError(ensembles, 'AlreadyClosed')
    expect([await hub.balanceOf(prover), await ensembles.balanceOf(asker)]).to.deep.equal([3000n, 2n])
  })

  it('asks each member for the version in force now, and keeps to it when another is released meanwhile', async () => {
    const { ensembles, hub, addService, release, found, ask, answer } = await createServices()
    const [a, b] = [await addService(2), await addService(2)]
    const id = await found({ minAnswers: 2 }, [a, b])
    await release(a, 5)
    const question = await ask(id)
    const versions = async () =>
      Promise.all(
        (await ensembles.askedOf(question)).map(async ({ requestId }) => (await hub.getRequest(requestId)).version),
      )
    expect(await versions()).to.deep.equal([2n, 1n])
    await release(b, 9)
    await answer(question, a)
    await answer(question, b)
    await ensembles.close(question)
    expect(await versions(), 'as asked').to.deep.equal([2n, 1n])
    expect([...(await ensembles.resultOf(question))], 'the lower of two labels with equal weight').to.deep.equal([
      2n,
      0n,
    ])
  })

  it('goes on without a member that stops, if enough others answer', async () => {
    const { ensembles, addService, found, ask, answer, pastDeadline, asker } = await createServices()
    const members = [await addService(1), await addService(1), await addService(4)]
    const [enough, tooFew] = [await found({ minAnswers: 2 }, members), await found({ minAnswers: 3 }, members)]
    const questions = [await ask(enough), await ask(tooFew)]
    for (const question of questions) for (const i of [0, 1]) await answer(question, members[i]!)
    await pastDeadline(questions[1]!)
    for (const question of questions) await ensembles.close(question)
    expect([...(await ensembles.resultOf(questions[0]!))]).to.deep.equal([1n, 1000n])
    await expect(ensembles.resultOf(questions[1]!))
      .to.be.revertedWithCustomError(ensembles, 'NotDecided')
      .withArgs(questions[1]!, STATUS.abstained)
    expect(await ensembles.balanceOf(asker), 'a share of each question').to.equal(2000n)
    await ensembles.connect(asker).withdraw(asker, asker)
    expect(await ensembles.balanceOf(asker)).to.equal(0n)
  })

  it('keeps a question’s roster when members join, leave or get another weight in the middle', async () => {
    const { ensembles, addService, found, ask, answer } = await createServices()
    const members = [await addService(1), await addService(6), await addService(6)]
    const id = await found({}, members.slice(0, 2), [2000, 1000])
    const question = await ask(id)
    // The curator tries to turn the result around: all of this is for later questions.
    await ensembles.join(id, members[2]!.modelId, 16_383, 0)
    await ensembles.setWeight(id, members[1]!.address, 16_383)
    await ensembles.leave(id, members[0]!.address)
    for (const member of members.slice(0, 2)) await answer(question, member)
    await ensembles.close(question)
    expect((await ensembles.resultOf(question))[0]).to.equal(1n)
    const next = await ask(id)
    const asked = await ensembles.askedOf(next)
    expect(asked.map(({ service }) => service)).to.deep.equal([members[2]!.address, members[1]!.address])
    expect(asked.map(({ weight }) => weight)).to.deep.equal([16_383n, 16_383n])
  })

  it('lets a service depart for good, and asks it no more', async () => {
    const { ensembles, addService, found, stranger, curator } = await createServices()
    const [a, b] = [await addService(1), await addService(2)]
    const id = await found({}, [a, b])
    await expect(ensembles.connect(stranger).leave(id, a.address)).to.be.revertedWithCustomError(
      ensembles,
      'NotServiceAuthority',
    )
    await expect(ensembles.connect(a.owner).leave(id, a.address))
      .to.emit(ensembles, 'MemberLeft')
      .withArgs(id, a.address, true, 3)
    await expect(ensembles.join(id, a.modelId, 1000, 0)).to.be.revertedWithCustomError(ensembles, 'ServiceDeparted')
    await expect(ensembles.leave(id, a.address)).to.be.revertedWithCustomError(ensembles, 'NotMember')
    // The curator's own removal is no such promise.
    await ensembles.connect(curator).leave(id, b.address)
    await ensembles.join(id, b.modelId, 1000, 0)
    const [seats, roster] = await ensembles.rosterOf(id)
    expect([seats.map(({ service }) => service), roster]).to.deep.equal([[b.address], 5n])
  })

  it('refuses a question that was written for another membership', async () => {
    const { ensembles, addService, found, networkHelpers, asker } = await createServices()
    const members = [await addService(1), await addService(2)]
    const id = await found({}, [members[0]!])
    const [, roster] = await ensembles.rosterOf(id)
    await ensembles.join(id, members[1]!.modelId, 16_383, 0)
    const deadline = (await networkHelpers.time.latest()) + HOUR
    const queries = [{ inputCommitment: INPUT, payload: '0x' }]
    await expect(ensembles.connect(asker).ask(id, roster, queries, deadline, { value: 10 }))
      .to.be.revertedWithCustomError(ensembles, 'RosterChanged')
      .withArgs(id, roster + 1n, roster)
  })

  it('counts a member that cannot be asked as silent, so that it stops nobody, and refunds its part at once', async () => {
    const { ensembles, hub, models, addService, found, ask, answer, asker, dao } = await createServices()
    const members = [await addService(1), await addService(1), await addService(4)]
    const id = await found({ minAnswers: 2 }, members)
    await models.connect(dao).deprecate(members[2]!.address, 1, '0x'.padEnd(66, '0'))
    const question = await ask(id)
    expect((await ensembles.askedOf(question))[2]!.requestId).to.equal(`0x${'00'.repeat(32)}`)
    expect(await ensembles.balanceOf(asker)).to.equal(1000n)
    for (const member of members.slice(0, 2)) await answer(question, member)
    await ensembles.close(question)
    expect((await ensembles.resultOf(question))[0]).to.equal(1n)
    await models.connect(dao).deprecate(members[1]!.address, 1, '0x'.padEnd(66, '0'))
    await expect(ask(id)).to.be.revertedWithCustomError(ensembles, 'TooFewMembers').withArgs(1, 2)
    expect(await hub.balanceOf(ensembles), 'nothing is left behind').to.equal(0n)
  })

  it('counts a version that the DAO withdraws in the middle of a question as silent', async () => {
    const { ensembles, hub, models, addService, found, ask, answer, asker, dao } = await createServices()
    const members = [await addService(1), await addService(4)]
    const id = await found({}, members)
    const question = await ask(id, { value: 2000n })
    await models.connect(dao).deprecate(members[1]!.address, 1, '0x'.padEnd(66, '0'))
    await answer(question, members[0]!)
    await expect(answer(question, members[1]!)).to.be.revertedWithCustomError(hub, 'VersionNotUsable')
    // Anyone may settle it at the hub, before the deadline.
    await hub.refund((await ensembles.askedOf(question))[1]!.requestId)
    await ensembles.close(question)
    expect([...(await ensembles.resultOf(question))]).to.deep.equal([1n, 1000n])
    expect(await ensembles.balanceOf(asker)).to.equal(1000n)
  })

  it('believes no output that the hub has not verified', async () => {
    const { ensembles, hub, addService, found, ask, answer, circuit, prover, pastDeadline } = await createServices()
    const members = [await addService(1), await addService(2)]
    const id = await found({}, members)
    const question = await ask(id)
    const [first, second] = await ensembles.askedOf(question)
    const { version, deadline } = await hub.getRequest(first!.requestId)
    // A proof about a model of the prover's own, and a proof made for the other member's request.
    const context = await hub.contextOf(first!.requestId, prover.address, members[0]!.modelId, version, deadline)
    const own = await circuit.prove(9n, 1n, context)
    await expect(hub.connect(prover).fulfil(first!.requestId, 9n, own)).to.be.revertedWithCustomError(
      hub,
      'InvalidProof',
    )
    const honest = await circuit.prove(1n, 1n, context)
    await expect(hub.connect(prover).fulfil(second!.requestId, 1n, honest)).to.be.revertedWithCustomError(
      hub,
      'InvalidProof',
    )
    await answer(question, members[1]!)
    await pastDeadline(question)
    await ensembles.close(question)
    expect((await ensembles.resultOf(question))[0]).to.equal(2n)
  })

  it('takes an output beyond the classes for an abstention', async () => {
    const { ensembles, addService, found, ask, answer } = await createServices()
    const members = [await addService(50), await addService(2)]
    const id = await found({}, members)
    const question = await ask(id)
    for (const member of members) await answer(question, member)
    await ensembles.close(question)
    expect([(await ensembles.resultOf(question))[0], (await ensembles.getQuestion(question)).answers]).to.deep.equal([
      2n,
      1n,
    ])
  })

  it('takes means and medians of scores in one unit, with an input for each member', async () => {
    const { ensembles, addService, found, ask, hub, circuit, prover } = await createServices()
    const members = []
    for (const score of [10, 20, 60]) members.push(await addService(score, OUTPUT.score))
    const terms = { scale: 1n, range: 1000n }
    const [mean, median] = [
      await found({ ...terms, rule: RULE.mean }, members),
      await found({ ...terms, rule: RULE.median }, members),
    ]
    const features = [1n, 2n, 3n]
    const queries = features.map((feature) => ({ inputCommitment: commitment(feature), payload: '0x' }))
    for (const [id, value] of [
      [mean, 76n],
      [median, 40n],
    ] as const) {
      const question = await ask(id, { queries })
      for (const [i, { requestId }] of (await ensembles.askedOf(question)).entries()) {
        const { version, deadline } = await hub.getRequest(requestId)
        const context = await hub.contextOf(requestId, prover.address, members[i]!.modelId, version, deadline)
        const proof = await circuit.prove(members[i]!.weights[0]!, features[i]!, context)
        await hub.connect(prover).fulfil(requestId, members[i]!.weights[0]! * features[i]!, proof)
      }
      await ensembles.close(question)
      expect((await ensembles.resultOf(question))[0]).to.equal(value)
    }
  })

  it('refuses members that it could not read, that do not follow their service, or that are there already', async () => {
    const { ensembles, hub, addService, found, circuit, ethers, stranger, dao } = await createServices()
    const member = await addService(1)
    const id = await found({}, [member])
    const fails = (modelId: bigint, name: string, weight = 1000, margin = 0) =>
      expect(ensembles.join(id, modelId, weight, margin), name).to.be.revertedWithCustomError(ensembles, name)
    await fails(member.modelId, 'AlreadyMember')
    const other = await addService(1)
    const terms = {
      circuitHash: circuit.id,
      vkHash: circuit.vkHash,
      proofSystemId: ethers.id('groth16-bn254-v1').slice(0, 10),
    }
    await hub.registerModel({ ...terms, modelHash: commitment(1n), uri: '' }, other.address, 1, OUTPUT.label)
    await fails(await hub.modelCount(), 'ModelPinned')
    for (const weight of [255, 16_384]) await fails(other.modelId, 'WeightInvalid', weight)
    await fails(other.modelId, 'MarginNotStated', 1000, 5)
    await fails((await addService(1, OUTPUT.score)).modelId, 'OutputNotForRule')
    await hub.connect(dao).deprecateModel(other.modelId)
    await fails(other.modelId, 'ModelWithdrawn')
    await expect(ensembles.connect(stranger).join(id, other.modelId, 1000, 0)).to.be.revertedWithCustomError(
      ensembles,
      'NotCurator',
    )
    await expect(ensembles.connect(stranger).setWeight(id, member.address, 1000)).to.be.revertedWithCustomError(
      ensembles,
      'NotCurator',
    )
    await expect(ensembles.setWeight(id, other.address, 1000)).to.be.revertedWithCustomError(ensembles, 'NotMember')
  })

  it('refuses settings and questions that make no sense, each by name', async () => {
    const { ensembles, settings, addService, found, ask, stranger, curator } = await createServices()
    const bad = (changes: object, name: string) =>
      expect(ensembles.found(settings(changes)), name).to.be.revertedWithCustomError(ensembles, name)
    for (const minAnswers of [0, 17]) await bad({ minAnswers }, 'MinAnswersInvalid')
    for (const quorum of [0, 10_001]) await bad({ quorum }, 'QuorumInvalid')
    await bad({ majority: 10_001 }, 'MajorityInvalid')
    await bad({ rule: RULE.mean, scale: 1, majority: 1 }, 'MajorityInvalid')
    await bad({ range: 1 }, 'RangeInvalid')
    await bad({ scale: 1 }, 'ScaleInvalid')
    await bad({ rule: RULE.mean }, 'ScaleInvalid')
    const id = await found({}, [await addService(1), await addService(1)])
    const wrong = (options: Parameters<typeof ask>[1], name: string) =>
      expect(ask(id, options), name).to.be.revertedWithCustomError(ensembles, name)
    await wrong({ value: 1n }, 'PriceInvalid')
    await wrong({ seconds: 31 * 24 * HOUR }, 'DeadlineInvalid')
    const query = { inputCommitment: INPUT, payload: '0x' }
    await wrong({ queries: [query, query, query] }, 'QueryCount')
    await wrong({ queries: [] }, 'QueryCount')
    const outside = { inputCommitment: `0x${'ff'.repeat(32)}`, payload: '0x' }
    await wrong({ queries: [outside] }, 'TooFewMembers')
    for (const unknown of [0n, 99n]) {
      await expect(ensembles.rosterOf(unknown)).to.be.revertedWithCustomError(ensembles, 'UnknownEnsemble')
      await expect(ensembles.close(unknown)).to.be.revertedWithCustomError(ensembles, 'UnknownQuestion')
    }
    await expect(stranger.sendTransaction({ to: ensembles, value: 1 })).to.be.revertedWithCustomError(
      ensembles,
      'OnlyHub',
    )
    expect((await ensembles.ensembleOf(id)).curator).to.equal(curator.address)
  })
})
