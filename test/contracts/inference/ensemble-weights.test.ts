// SPDX-License-Identifier: GPL-3.0-or-later
// Weights by past agreement, ensembles of ensembles, and the reward.
import { expect } from 'chai'
import { ContractFactory, ZeroAddress } from 'ethers'
import { moved } from '../../../scripts/bench/ensemble/decide.ts'
import { compile } from '../../../scripts/solc.ts'
import { createOracle, DECODING, INPUT, labelled, type Model, type Oracle, RULE, STATUS, signed } from './ensemble.ts'

const three = async (world: Oracle, outputs: readonly bigint[] = [6n, 6n, 2n], decoding?: number): Promise<Model[]> => {
  const models: Model[] = []
  for (const output of outputs) models.push(await world.addModel(output, 'product', decoding))
  return models
}

describe('EnsembleOracle weights', () => {
  it('follow agreement in bounded steps', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, settle } = world
    const models = await three(world)
    const ensemble = await create(
      { adaptation: 2 },
      models.map((model) => seat(model)),
    )
    let expected = [1000n, 1000n, 1000n]
    for (let i = 0; i < 7; i++) {
      await settle(await ask(ensemble), models)
      expected = expected.map((weight, member) => moved(weight, 1000n, 2, member < 2))
      expect(await oracle.weightsOf(ensemble)).to.deep.equal(expected)
    }
    expect(expected).to.deep.equal([4000n, 4000n, 250n])
  })

  it('tolerate a score near the outcome', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, settle } = world
    const models = await three(world, [10n, signed(-2n), 16n], DECODING.score)
    const seats = models.map((model) => seat(model, { decoding: DECODING.score }))
    const ensemble = await create({ rule: RULE.mean, range: 100n, adaptation: 2, tolerance: 8n }, seats)
    await settle(await ask(ensemble), models)
    // The mean is 8: 10 and 16 are within 8 of it, −2 is not.
    expect(await oracle.weightsOf(ensemble)).to.deep.equal([1250n, 750n, 1250n])
  })

  it('stay for silent and abstaining members, for questions not from the curator, and when the ensemble abstains', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, answer, pastDeadline, stranger, user, addModel } = world
    const unsure = await addModel(1n, 'product', DECODING.labelAndMargin)
    const models = [...(await three(world, [labelled(6, 9), labelled(6, 3), labelled(2, 9)])), unsure]
    const seats = models.map((model) => seat(model, { decoding: DECODING.labelAndMargin, minMargin: 4 }))
    const ensemble = await create({ adaptation: 2, curator: user.address, quorum: 2500 }, seats)
    const play = async (by = user, members = [0, 1, 2]) => {
      const question = await ask(ensemble, { by })
      for (const member of members) await answer(question, member, models[member]!)
      await pastDeadline(question)
      return await oracle.close(question)
    }
    await expect(play(stranger)).to.not.emit(oracle, 'WeightsMoved')
    await expect(play(user, [])).to.not.emit(oracle, 'WeightsMoved')
    expect(await oracle.weightsOf(ensemble)).to.deep.equal([1000n, 1000n, 1000n, 1000n])
    // One each for 6 and 2, equally sure: the lower label wins.
    await expect(play()).to.emit(oracle, 'WeightsMoved')
    expect(await oracle.weightsOf(ensemble)).to.deep.equal([750n, 1000n, 1250n, 1000n])
  })

  it('of the moment of asking decide, whatever is closed in between', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, answerAll } = world
    const models = await three(world, [6n, 6n, 2n])
    const weights = [300, 300, 700]
    const ensemble = await create(
      { adaptation: 2 },
      models.map((model, i) => seat(model, { weight: weights[i]! })),
    )
    const early = await ask(ensemble)
    for (let i = 0; i < 3; i++) {
      const question = await ask(ensemble)
      await answerAll(question, models)
      await oracle.close(question)
    }
    await answerAll(early, models)
    await expect(oracle.close(early))
      .to.emit(oracle, 'QuestionClosed')
      .withArgs(early, ensemble, STATUS.decided, 2, 700, 1300)
  })
})

describe('An ensemble in an ensemble', () => {
  /** An inner one of three members, and an outer one of it and one model more. */
  async function family(changes: { inner?: object; outer?: object; minMargin?: number; outerOutput?: bigint } = {}) {
    const world = await createOracle()
    const models = await three(world)
    const inner = await world.create(
      changes.inner ?? {},
      models.map((model) => world.seat(model)),
    )
    const loner = await world.addModel(changes.outerOutput ?? 2n)
    const minMargin = changes.minMargin ?? 0
    const outer = await world.create({ quorum: 1, ...changes.outer }, [
      world.nested(inner, { weight: 1001, minMargin }),
      world.seat(loner),
    ])
    return { ...world, models, inner, outer, loner }
  }

  it('votes for its own decision', async () => {
    const { oracle, ask, answer, answerAll, models, outer, inner, loner, user } = await family()
    const question = await ask(outer)
    const child = await oracle.childOf(question, 0)
    expect(child).to.equal(question + 1n)
    expect((await oracle.getQuestion(child)).ensembleId).to.equal(inner)
    expect((await oracle.getQuestion(child)).asker).to.equal(user.address)
    await answer(question, 1, loner)
    const { deadline } = await oracle.getQuestion(question)
    await expect(oracle.close(question))
      .to.be.revertedWithCustomError(oracle, 'NotClosableYet')
      .withArgs(question, deadline, 1)
    await answerAll(child, models)
    const closing = oracle.close(question)
    await expect(closing).to.emit(oracle, 'QuestionClosed').withArgs(child, inner, STATUS.decided, 6, 2000, 3000)
    await expect(closing).to.emit(oracle, 'QuestionClosed').withArgs(question, outer, STATUS.decided, 6, 1001, 2001)
  })

  it('may have been closed by itself before', async () => {
    const { oracle, ask, answer, answerAll, models, outer, loner } = await family()
    const question = await ask(outer)
    const child = await oracle.childOf(question, 0)
    await answerAll(child, models)
    await oracle.close(child)
    await answer(question, 1, loner)
    await oracle.close(question)
    expect((await oracle.resultOf(question))[0]).to.equal(6n)
  })

  it('casts nothing when it abstained, or when its winner led by too little', async () => {
    for (const changes of [{ inner: { majority: 7000 } }, { minMargin: 334 }]) {
      const { oracle, ask, answer, answerAll, models, outer, loner } = await family(changes)
      const question = await ask(outer)
      await answerAll(await oracle.childOf(question, 0), models)
      await answer(question, 1, loner)
      await oracle.close(question)
      expect((await oracle.resultOf(question))[0]).to.equal(2n)
    }
    const { oracle, ask, answerAll, models, outer, pastDeadline } = await family({ minMargin: 333 })
    const question = await ask(outer)
    await answerAll(await oracle.childOf(question, 0), models)
    await pastDeadline(question)
    await oracle.close(question)
    expect((await oracle.resultOf(question))[0]).to.equal(6n)
  })

  it('has a lead for a margin where margins count', async () => {
    const { oracle, addModel, create, nested, seat, models, inner, ask, answer, answerAll } = await family()
    const sure = await addModel(labelled(2, 335))
    const seats = [nested(inner), seat(sure, { decoding: DECODING.labelAndMargin })]
    const question = await ask(await create({ rule: RULE.marginVote }, seats))
    await answerAll(await oracle.childOf(question, 0), models)
    await answer(question, 1, sure)
    await expect(oracle.close(question))
      .to.emit(oracle, 'QuestionClosed')
      .withArgs(question, 3, STATUS.decided, 2, 336_000, 336_000 + 334_000)
  })

  it('takes no answer from anyone', async () => {
    const { oracle, ask, prove, outer, loner, prover } = await family()
    const question = await ask(outer)
    const { proof } = await prove(question, 1, loner)
    const child = await oracle.childOf(question, 0)
    await expect(oracle.connect(prover).answer(question, 0, INPUT, 7, 2n, proof))
      .to.be.revertedWithCustomError(oracle, 'MemberIsEnsemble')
      .withArgs(question, 0, child)
    await expect(oracle.statementOf(question, 0, prover))
      .to.be.revertedWithCustomError(oracle, 'MemberIsEnsemble')
      .withArgs(question, 0, child)
  })

  it('is never in itself, of another kind, or in too many', async () => {
    const { oracle, create, settings, nested, seat, inner, outer, addModel } = await family()
    const next = Number(outer) + 1
    for (const later of [next, next + 1]) {
      await expect(oracle.createEnsemble(settings(), [nested(later)]))
        .to.be.revertedWithCustomError(oracle, 'MemberNotEarlier')
        .withArgs(0, later, next)
    }
    await expect(oracle.createEnsemble(settings(), [nested(0)]))
      .to.be.revertedWithCustomError(oracle, 'UnknownEnsemble')
      .withArgs(0, next)
    await expect(oracle.createEnsemble(settings({ rule: RULE.mean }), [nested(inner)]))
      .to.be.revertedWithCustomError(oracle, 'NestedRuleMismatch')
      .withArgs(0, RULE.vote, RULE.mean)
    await expect(oracle.createEnsemble(settings({ range: 9n }), [nested(inner)]))
      .to.be.revertedWithCustomError(oracle, 'NestedRangeMismatch')
      .withArgs(0, 10, 9)
    const model = await addModel(5n)
    const wide = await create({}, [nested(inner), nested(outer), seat(model)])
    // Itself, and 4 + 2 + 1 in it: eight questions are allowed, nine are not.
    const widest = await create({}, [nested(wide), nested(outer), nested(inner), seat(model)])
    await expect(oracle.createEnsemble(settings(), [nested(widest)]))
      .to.be.revertedWithCustomError(oracle, 'TooManyQuestions')
      .withArgs(9, 8)
  })
})

describe('The reward of a question', () => {
  it('is split over the members, and unclaimed parts go back', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, answer, prover, stranger, user, pastDeadline, ethers } = world
    const models = await three(world)
    const question = await ask(
      await create(
        {},
        models.map((model) => seat(model)),
      ),
      { value: 1000n },
    )
    expect(await oracle.balanceOf(user)).to.equal(1n)
    await answer(question, 0, models[0]!, prover)
    await answer(question, 1, models[1]!, stranger)
    await pastDeadline(question)
    await oracle.close(question)
    expect(await oracle.balanceOf(prover)).to.equal(333n)
    expect(await oracle.balanceOf(stranger)).to.equal(333n)
    expect(await oracle.balanceOf(user)).to.equal(334n)
    for (const account of [prover, stranger, user]) await oracle.withdraw(account, account)
    expect(await ethers.provider.getBalance(oracle)).to.equal(0n)
  })

  it('reaches the members of members', async () => {
    const world = await createOracle()
    const { oracle, create, seat, nested, ask, answer, answerAll, prover, stranger, user } = world
    const models = await three(world)
    const inner = await create(
      {},
      models.map((model) => seat(model)),
    )
    const loner = await world.addModel(4n)
    const question = await ask(await create({}, [nested(inner), seat(loner)]), { value: 200n })
    await answerAll(await oracle.childOf(question, 0), models)
    await answer(question, 1, loner, stranger)
    expect(await oracle.balanceOf(prover)).to.equal(99n)
    expect(await oracle.balanceOf(stranger)).to.equal(100n)
    expect(await oracle.balanceOf(user)).to.equal(1n)
  })

  it('is withdrawn by anybody to its owner, elsewhere by the owner only', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, answer, prover, stranger, ethers } = world
    const [model] = (await three(world)) as [Model]
    const question = await ask(await create({}, [seat(model)]), { value: 1000n })
    await answer(question, 0, model)
    await expect(oracle.connect(stranger).withdraw(prover, stranger))
      .to.be.revertedWithCustomError(oracle, 'NotAccountHolder')
      .withArgs(prover.address, stranger.address)
    await expect(oracle.connect(prover).withdraw(prover, ZeroAddress))
      .to.be.revertedWithCustomError(oracle, 'ZeroRecipient')
      .withArgs(prover.address)
    await expect(oracle.connect(prover).withdraw(prover, await world.hub.getAddress()))
      .to.be.revertedWithCustomError(oracle, 'TransferFailed')
      .withArgs(await world.hub.getAddress(), 1000)
    await expect(oracle.connect(prover).withdraw(prover, stranger)).to.changeEtherBalances(
      ethers,
      [oracle, stranger],
      [-1000n, 1000n],
    )
    await expect(oracle.withdraw(prover, prover))
      .to.be.revertedWithCustomError(oracle, 'NothingToWithdraw')
      .withArgs(prover.address)
  })

  it('is not paid twice to one who comes back while being paid', async () => {
    const world = await createOracle()
    const { oracle, create, seat, ask, dao, pastDeadline, ethers, soon } = world
    const [model] = (await three(world)) as [Model]
    const ensemble = await create({}, [seat(model)])
    // Someone else's money, which a second payment would have to come from.
    await ask(ensemble, { value: 1000n })
    const { abi, bytecode } = compile(REENTERER, { quick: true }).Reenterer!
    const deployed = await new ContractFactory(abi, bytecode, dao).deploy(await oracle.getAddress(), { value: 500n })
    const reenterer = await deployed.getAddress()
    const question = (await oracle.questionCount()) + 1n
    await dao.sendTransaction({
      to: reenterer,
      data: deployed.interface.encodeFunctionData('ask', [ensemble, INPUT, await soon()]),
    })
    await pastDeadline(question)
    await oracle.close(question)
    await oracle.withdraw(reenterer, reenterer)
    expect(await ethers.provider.getBalance(reenterer)).to.equal(500n)
    expect(await ethers.provider.getBalance(oracle)).to.equal(1000n)
  })
})

const REENTERER = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
interface IOracle {
    function ask(uint256, bytes32, uint64) external payable returns (uint256);
    function withdraw(address, address payable) external;
}
contract Reenterer {
    IOracle immutable ORACLE;
    constructor(IOracle oracle) payable { ORACLE = oracle; }
    function ask(uint256 ensemble, bytes32 input, uint64 deadline) external {
        ORACLE.ask{value: address(this).balance}(ensemble, input, deadline);
    }
    receive() external payable {
        try ORACLE.withdraw(address(this), payable(address(this))) {} catch {}
    }
}`
