// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { fieldsOf } from '../governance/accounts.ts'
import { createOracle, DECODING, INPUT, KIND, labelled, type Model, RULE, STATUS, signed } from './ensemble.ts'
import { commitment, FIELD_ORDER } from './product-circuit.ts'

describe('EnsembleOracle', () => {
  it('decides by the weight behind a label, whatever circuits the members have', async () => {
    const { oracle, addModel, seat, create, ask, answer, prover, user } = await createOracle()
    const models = [await addModel(7n), await addModel(7n, 'constant'), await addModel(3n)]
    const ensemble = await create({}, [
      seat(models[0]!, { weight: 1000 }),
      seat(models[1]!, { weight: 1000 }),
      seat(models[2]!, { weight: 1500 }),
    ])
    const question = await ask(ensemble)
    for (const [member, model] of models.entries()) {
      await expect(answer(question, member, model))
        .to.emit(oracle, 'MemberAnswered')
        .withArgs(question, member, prover.address, member + 4, model.output, true)
    }
    await expect(oracle.close(question))
      .to.emit(oracle, 'QuestionClosed')
      .withArgs(question, ensemble, STATUS.decided, 7, 2000, 3500)
    expect([...(await oracle.resultOf(question))]).to.deep.equal([7n, 142n])
    const { deadline: _, ...recorded } = fieldsOf(await oracle.getQuestion(question))
    expect(recorded).to.deep.equal({
      ...{ asker: user.address, status: STATUS.decided, answered: 7n, ensembleId: ensemble, share: 0n },
      ...{ inputCommitment: INPUT, value: 7n, lead: 142n },
    })
  })

  it('breaks ties by the members’ margins, then by the lower label', async () => {
    const { addModel, seat, create, ask, settle } = await createOracle()
    const seats = (models: Model[]) => models.map((model) => seat(model, { decoding: DECODING.labelAndMargin }))
    const sure = [await addModel(labelled(2, 5)), await addModel(labelled(8, 6))]
    expect((await settle(await ask(await create({}, seats(sure))), sure))[0]).to.equal(8n)
    const even = [await addModel(labelled(8, 5)), await addModel(labelled(2, 5))]
    const result = await settle(await ask(await create({}, seats(even))), even)
    expect([...result]).to.deep.equal([2n, 0n])
  })

  it('lets a sure member outvote two in doubt where margins count', async () => {
    const { addModel, seat, create, ask, settle } = await createOracle()
    const models = [await addModel(labelled(4, 10)), await addModel(labelled(4, 9)), await addModel(labelled(0, 30))]
    const seats = models.map((model) => seat(model, { decoding: DECODING.labelAndMargin }))
    expect((await settle(await ask(await create({}, seats)), models))[0]).to.equal(4n)
    expect((await settle(await ask(await create({ rule: RULE.marginVote }, seats)), models))[0]).to.equal(0n)
  })

  it('takes the weighted mean and the weighted lower median of scores, negative ones too', async () => {
    const { addModel, seat, create, ask, settle } = await createOracle()
    const scores = [-90n, 4n, 25n, 40n]
    const models: Model[] = []
    for (const score of scores)
      models.push(await addModel(signed(score), score === 4n ? 'constant' : 'product', DECODING.score))
    const weights = [1000, 500, 700, 800]
    const seats = models.map((model, i) => seat(model, { decoding: DECODING.score, weight: weights[i]! }))
    const range = 100n
    const mean = await create({ rule: RULE.mean, range }, seats)
    // (−90,000 + 2,000 + 17,500 + 32,000) / 3,000 = −12.8…, towards zero.
    expect((await settle(await ask(mean), models))[0]).to.equal(-12n)
    const median = await create({ rule: RULE.median, range }, seats)
    expect((await settle(await ask(median), models))[0]).to.equal(4n)
  })

  it('leaves out who was silent', async () => {
    const { oracle, addModel, seat, create, ask, answer, pastDeadline } = await createOracle()
    const models: Model[] = []
    for (const score of [9n, 90n, 3n]) models.push(await addModel(score, 'product', DECODING.score))
    const seats = models.map((model) => seat(model, { decoding: DECODING.score }))
    const mean = await ask(await create({ rule: RULE.mean, range: 100n }, seats))
    const median = await ask(await create({ rule: RULE.median, range: 100n }, seats))
    for (const question of [mean, median]) for (const i of [0, 2]) await answer(question, i, models[i]!)
    await pastDeadline(median)
    for (const [question, value] of [
      [mean, 6n],
      [median, 3n],
    ] as const) {
      await oracle.close(question)
      expect((await oracle.resultOf(question))[0]).to.equal(value)
    }
  })

  it('leads over the runner-up, not over the last', async () => {
    const { oracle, addModel, seat, create, ask, answer, pastDeadline } = await createOracle()
    const weights = [3000, 2000, 1000]
    const models = [await addModel(1n), await addModel(2n), await addModel(3n)]
    const seats = models.map((model, i) => seat(model, { weight: weights[i]! }))
    const question = await ask(await create({}, seats))
    for (const [i, model] of models.entries()) await answer(question, i, model)
    await pastDeadline(question)
    await oracle.close(question)
    expect([...(await oracle.resultOf(question))]).to.deep.equal([1n, 166n])
  })

  it('abstains without a quorum, and without the required majority', async () => {
    const { oracle, addModel, seat, create, ask, answer, pastDeadline } = await createOracle()
    const models = [await addModel(1n), await addModel(2n), await addModel(3n)]
    const seats = models.map((model) => seat(model))
    const strict = await ask(await create({ quorum: 6667 }, seats))
    const lax = await ask(await create({ quorum: 6666 }, seats))
    const majority = await ask(await create({ majority: 5001 }, seats))
    for (const question of [strict, lax, majority]) for (const i of [0, 1]) await answer(question, i, models[i]!)
    await expect(oracle.resultOf(strict)).to.be.revertedWithCustomError(oracle, 'NotDecided').withArgs(strict, 1)
    await pastDeadline(majority)
    await expect(oracle.resultOf(strict)).to.be.revertedWithCustomError(oracle, 'NotDecided').withArgs(strict, 2)
    for (const question of [strict, lax, majority]) await oracle.close(question)
    expect((await oracle.resultOf(lax))[0]).to.equal(1n)
    for (const question of [strict, majority]) {
      expect((await oracle.getQuestion(question)).status).to.equal(STATUS.abstained)
      await expect(oracle.resultOf(question)).to.be.revertedWithCustomError(oracle, 'NotDecided').withArgs(question, 4)
    }
  })

  it('counts a member below its margin as abstaining: no vote, but present and paid', async () => {
    const { oracle, addModel, seat, create, ask, answer, prover } = await createOracle()
    const models = [await addModel(labelled(1, 9)), await addModel(labelled(2, 10))]
    const seats = models.map((model) => seat(model, { decoding: DECODING.labelAndMargin, minMargin: 10 }))
    const question = await ask(await create({}, seats), { value: 100n })
    await expect(answer(question, 0, models[0]!))
      .to.emit(oracle, 'MemberAnswered')
      .withArgs(question, 0, prover.address, 4, models[0]!.output, false)
    await answer(question, 1, models[1]!)
    expect((await oracle.answerOf(question, 0)).kind).to.equal(KIND.abstained)
    expect((await oracle.answerOf(question, 1)).kind).to.equal(KIND.cast)
    expect(await oracle.balanceOf(prover)).to.equal(100n)
    await oracle.close(question)
    expect([...(await oracle.resultOf(question))]).to.deep.equal([2n, 1000n])
  })

  it('caps a margin that does not fit 64 bits', async () => {
    const { oracle, addModel, seat, create, ask, answer } = await createOracle()
    const model = await addModel(labelled(1, 2n ** 200n))
    const question = await ask(await create({}, [seat(model, { decoding: DECODING.labelAndMargin })]))
    await answer(question, 0, model)
    expect((await oracle.answerOf(question, 0)).margin).to.equal(2n ** 64n - 1n)
  })

  describe('refuses an answer', () => {
    async function asked() {
      const world = await createOracle()
      const models = [await world.addModel(3n), await world.addModel(5n, 'constant')]
      const ensemble = await world.create(
        {},
        models.map((model) => world.seat(model)),
      )
      return { ...world, models, ensemble, question: await world.ask(ensemble) }
    }

    it('a second time for a member and question, under whatever proof', async () => {
      const { oracle, answer, prove, question, models, prover, stranger } = await asked()
      await answer(question, 0, models[0]!)
      const again = await prove(question, 0, models[0]!, stranger)
      await expect(oracle.connect(stranger).answer(question, 0, INPUT, again.version, 3n, again.proof))
        .to.be.revertedWithCustomError(oracle, 'AlreadyAnswered')
        .withArgs(question, 0, prover.address)
    })

    it('with a proof for another submitter, question, member, ensemble or output', async () => {
      const { oracle, hub, prove, ask, ensemble, question, models, prover, stranger, create, seat } = await asked()
      const { proof, version } = await prove(question, 0, models[0]!)
      const other = await ask(ensemble)
      const twin = await ask(await create({}, [seat(models[0]!)]))
      const attempts = {
        submitter: () => oracle.connect(stranger).answer(question, 0, INPUT, version, 3n, proof),
        question: () => oracle.connect(prover).answer(other, 0, INPUT, version, 3n, proof),
        ensemble: () => oracle.connect(prover).answer(twin, 0, INPUT, version, 3n, proof),
        member: () => oracle.connect(prover).answer(question, 1, INPUT, version + 1n, 3n, proof),
        output: () => oracle.connect(prover).answer(question, 0, INPUT, version, 4n, proof),
      }
      for (const [field, attempt] of Object.entries(attempts)) {
        await expect(attempt(), field).to.be.revertedWithCustomError(hub, 'InvalidProof')
      }
      expect((await oracle.answerOf(question, 0)).kind).to.equal(KIND.none)
      expect(await oracle.balanceOf(prover)).to.equal(0n)
      await oracle.connect(prover).answer(question, 0, INPUT, version, 3n, proof)
    })

    it('about another input, of an unknown member, or to an unknown question', async () => {
      const { oracle, prove, question, ensemble, models } = await asked()
      const { proof } = await prove(question, 0, models[0]!)
      await expect(oracle.answer(question, 0, commitment(2n), 4, 6n, proof))
        .to.be.revertedWithCustomError(oracle, 'WrongInput')
        .withArgs(question, commitment(2n), INPUT)
      await expect(oracle.answer(question, 2, INPUT, 4, 3n, proof))
        .to.be.revertedWithCustomError(oracle, 'UnknownMember')
        .withArgs(ensemble, 2, 2)
      await expect(oracle.answer(9, 0, INPUT, 4, 3n, proof))
        .to.be.revertedWithCustomError(oracle, 'UnknownQuestion')
        .withArgs(9, question)
    })

    it('that is late, or to a question that is closed', async () => {
      const { oracle, prove, answerAll, ask, ensemble, question, models, pastDeadline, prover } = await asked()
      const { proof } = await prove(question, 0, models[0]!)
      const closed = await ask(ensemble)
      await answerAll(closed, models)
      await oracle.close(closed)
      await expect(oracle.connect(prover).answer(closed, 0, INPUT, 4, 3n, proof))
        .to.be.revertedWithCustomError(oracle, 'QuestionNotOpen')
        .withArgs(closed, STATUS.decided)
      await pastDeadline(question)
      const { deadline } = await oracle.getQuestion(question)
      await expect(oracle.connect(prover).answer(question, 0, INPUT, 4, 3n, proof))
        .to.be.revertedWithCustomError(oracle, 'AnswerTooLate')
        .withArgs(question, deadline, deadline + 2n)
    })

    it('of a model that was withdrawn, or of a version that is not in force', async () => {
      const { oracle, hub, prove, question, models, owner, prover } = await asked()
      const { proof } = await prove(question, 0, models[0]!)
      await expect(oracle.connect(prover).answer(question, 0, INPUT, 1, 3n, proof))
        .to.be.revertedWithCustomError(hub, 'NotVersionInForce')
        .withArgs(models[0]!.id, 1, 4)
      await hub.connect(owner).deprecateModel(models[0]!.id)
      await expect(oracle.connect(prover).answer(question, 0, INPUT, 4, 3n, proof))
        .to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated')
        .withArgs(models[0]!.id)
    })

    it('beyond the classes, or of a larger magnitude than the range', async () => {
      const { oracle, addModel, seat, create, ask, answer, prove } = await createOracle()
      const [label, pair] = [await addModel(10n), await addModel(labelled(10, 1))]
      const both = [seat(label), seat(pair, { decoding: DECODING.labelAndMargin })]
      const question = await ask(await create({}, both))
      for (const [member, model] of [label, pair].entries()) {
        await expect(answer(question, member, model))
          .to.be.revertedWithCustomError(oracle, 'OutputOutOfRange')
          .withArgs(question, member, model.output, 10)
      }
      const score = { decoding: DECODING.score }
      const extremes: Model[] = []
      for (const value of [11n, -11n, -10n]) extremes.push(await addModel(signed(value), 'product', DECODING.score))
      const seats = extremes.map((model) => seat(model, score))
      const mean = await ask(await create({ rule: RULE.mean }, seats))
      for (const member of [0, 1]) {
        await expect(answer(mean, member, extremes[member]!))
          .to.be.revertedWithCustomError(oracle, 'OutputOutOfRange')
          .withArgs(mean, member, extremes[member]!.output, 10)
      }
      await answer(mean, 2, extremes[2]!)
      const { proof } = await prove(mean, 0, extremes[0]!)
      await expect(oracle.answer(mean, 0, INPUT, 6, FIELD_ORDER, proof))
        .to.be.revertedWithCustomError(oracle, 'OutputOutOfRange')
        .withArgs(mean, 0, FIELD_ORDER, 10)
    })
  })

  it('takes a service’s released model as a member, in the version that is in force', async () => {
    const world = await createOracle()
    const { oracle, hub, models, service, circuit, prover, create, seat, ask } = world
    const question = await ask(await create({}, [seat(1)]))
    const prove = async (weight: bigint) => {
      const { context, version } = await oracle.statementOf(question, 0, prover.address)
      return { version, proof: await circuit.prove(weight, 1n, context) }
    }
    const before = await prove(3n)
    await models.release(service, 2)
    await expect(oracle.connect(prover).answer(question, 0, INPUT, before.version, 3n, before.proof))
      .to.be.revertedWithCustomError(hub, 'NotVersionInForce')
      .withArgs(1, 1, 2)
    const now = await prove(5n)
    await oracle.connect(prover).answer(question, 0, INPUT, now.version, 5n, now.proof)
    await oracle.close(question)
    expect((await oracle.resultOf(question))[0]).to.equal(5n)
  })

  it('closes early only when everyone answered, and once', async () => {
    const { oracle, addModel, seat, create, ask, answer } = await createOracle()
    const models = [await addModel(1n), await addModel(2n)]
    const question = await ask(
      await create(
        {},
        models.map((model) => seat(model)),
      ),
    )
    await answer(question, 0, models[0]!)
    const { deadline } = await oracle.getQuestion(question)
    await expect(oracle.close(question))
      .to.be.revertedWithCustomError(oracle, 'NotClosableYet')
      .withArgs(question, deadline, 2)
    await answer(question, 1, models[1]!)
    await oracle.close(question)
    await expect(oracle.close(question))
      .to.be.revertedWithCustomError(oracle, 'QuestionNotOpen')
      .withArgs(question, STATUS.decided)
  })
})
