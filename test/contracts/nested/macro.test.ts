// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { commitment } from '../inference/product-circuit.ts'
import { createServices } from './ensemble.ts'

/** Three indicators with models that say what their weight times the reading is, and the contract that asks them. */
async function economy() {
  const world = await createServices()
  const { ethers, addService, found, ensembles, asker, stranger, hub, circuit, prover } = world
  const members = [await addService(1), await addService(1), await addService(2)]
  const id = await found({ minAnswers: 2, range: 9n }, members)
  const indicators = members.map(({ address, owner }) => ({ service: address, publisher: owner.address }))
  const macro = (await ethers.deployContract('MacroOpinion', [ensembles, id, 3600, 3000, indicators])).connect(asker)
  const query = (feature: bigint) => ({ inputCommitment: commitment(feature), payload: `0x0${feature}` })
  const publish = (i: number, period: number, feature: bigint) => {
    const { inputCommitment, payload } = query(feature)
    return macro.connect(members[i]!.owner).publish(period, members[i]!.address, inputCommitment, payload)
  }
  const roster = async () => (await ensembles.rosterOf(id))[1]
  const ask = async (period: number, features: readonly bigint[], value = 3000n) =>
    macro.ask(period, await roster(), features.map(query), { value })
  const answer = async (i: number, question: bigint, feature: bigint) => {
    const { requestId } = (await ensembles.askedOf(question))[i]!
    const { version, deadline, modelId } = await hub.getRequest(requestId)
    const context = await hub.contextOf(requestId, prover.address, modelId, version, deadline)
    const weight = members[i]!.weights[0]!
    await hub.connect(prover).fulfil(requestId, weight * feature, await circuit.prove(weight, feature, context))
  }
  return { ...world, members, id, macro, publish, ask, answer, query, roster, stranger }
}

describe('MacroOpinion', () => {
  it('has one opinion on a period, from the published reading of each indicator', async () => {
    const { macro, publish, ask, answer, ensembles } = await economy()
    const features = [4n, 4n, 1n]
    for (const [i, feature] of features.entries()) await publish(i, 202_611, feature)
    await expect(ask(202_611, features)).to.emit(macro, 'OpinionAsked').withArgs(202_611, 1)
    for (const [i, feature] of features.entries()) await answer(i, 1n, feature)
    await ensembles.close(1)
    expect([...(await macro.opinionOf(202_611))]).to.deep.equal([4n, 333n])
    await expect(ask(202_611, features)).to.be.revertedWithCustomError(macro, 'AlreadyAsked').withArgs(202_611, 1)
    await expect(macro.opinionOf(202_612)).to.be.revertedWithCustomError(macro, 'NotAsked')
  })

  it('lets nobody but an indicator’s publisher choose what its model is asked about, and that once', async () => {
    const { macro, members, publish, ask, query, stranger } = await economy()
    const { inputCommitment, payload } = query(4n)
    await expect(macro.connect(stranger).publish(1, members[0]!.address, inputCommitment, payload))
      .to.be.revertedWithCustomError(macro, 'NotPublisher')
      .withArgs(members[0]!.address, stranger.address)
    for (const i of [0, 1]) await publish(i, 1, 4n)
    await expect(publish(0, 1, 5n))
      .to.be.revertedWithCustomError(macro, 'ReadingExists')
      .withArgs(1, members[0]!.address)
    await expect(ask(1, [4n, 4n, 1n]))
      .to.be.revertedWithCustomError(macro, 'ReadingMissing')
      .withArgs(1, members[2]!.address)
    await publish(2, 1, 1n)
    await expect(ask(1, [4n, 5n, 1n]))
      .to.be.revertedWithCustomError(macro, 'ReadingDiffers')
      .withArgs(1, members[1]!.address)
    await expect(ask(1, [4n])).to.be.revertedWithCustomError(macro, 'QueryCount')
  })

  it('asks whoever is a member now, and not by queries for another membership', async () => {
    const { macro, members, publish, ask, answer, ensembles, id, addService, roster, query } = await economy()
    for (const i of [0, 1, 2]) await publish(i, 1, 4n)
    const seen = await roster()
    await ensembles.leave(id, members[2]!.address)
    await expect(macro.ask(1, seen, [4n, 4n, 4n].map(query), { value: 3000 })).to.be.revertedWithCustomError(
      ensembles,
      'RosterChanged',
    )
    await ask(1, [4n, 4n])
    for (const i of [0, 1]) await answer(i, 1n, 4n)
    await ensembles.close(1)
    expect((await macro.opinionOf(1))[0]).to.equal(4n)
    // A member without an indicator has no reading: the opinion waits until the curator or the contract is replaced.
    const odd = await addService(1)
    await ensembles.join(id, odd.modelId, 1000, 0)
    for (const i of [0, 1]) await publish(i, 2, 4n)
    await expect(ask(2, [4n, 4n, 4n]))
      .to.be.revertedWithCustomError(macro, 'ReadingMissing')
      .withArgs(2, odd.address)
  })

  it('has an opinion without an indicator whose service stops, and none with too few', async () => {
    const { macro, publish, ask, answer, ensembles, pastDeadline, ethers } = await economy()
    for (const period of [1, 2]) {
      for (const i of [0, 1, 2]) await publish(i, period, 4n)
      await ask(period, [4n, 4n, 4n])
    }
    for (const i of [0, 1]) await answer(i, 1n, 4n)
    await answer(0, 2n, 4n)
    await pastDeadline(2n)
    for (const question of [1, 2]) await ensembles.close(question)
    expect((await macro.opinionOf(1))[0]).to.equal(4n)
    await expect(macro.opinionOf(2)).to.be.revertedWithCustomError(ensembles, 'NotDecided')
    await ensembles.withdraw(macro, macro)
    expect(await ethers.provider.getBalance(macro), 'for the next question').to.equal(3000n)
  })

  it('has a period’s question used up by nobody: for too little it is not asked, and without an answer it is asked again', async () => {
    const { macro, publish, ask, answer, ensembles, pastDeadline } = await economy()
    for (const i of [0, 1, 2]) await publish(i, 1, 4n)
    await expect(ask(1, [4n, 4n, 4n], 2999n))
      .to.be.revertedWithCustomError(macro, 'PriceTooLow')
      .withArgs(2999, 3000)
    await ask(1, [4n, 4n, 4n])
    await pastDeadline(1n)
    await expect(ask(1, [4n, 4n, 4n]), 'open until it is closed').to.be.revertedWithCustomError(macro, 'AlreadyAsked')
    await ensembles.close(1)
    await ensembles.withdraw(macro, macro)
    await ask(1, [4n, 4n, 4n], 0n)
    for (const i of [0, 1]) await answer(i, 2n, 4n)
    await pastDeadline(2n)
    await ensembles.close(2)
    expect((await macro.opinionOf(1))[0]).to.equal(4n)
  })

  it('refuses indicators without publisher, named twice, or none at all', async () => {
    const { ethers, macro, ensembles, members, stranger } = await economy()
    const make = (indicators: object[]) => ethers.deployContract('MacroOpinion', [ensembles, 1, 3600, 3000, indicators])
    const one = { service: members[0]!.address, publisher: stranger.address }
    await expect(make([])).to.be.revertedWithCustomError(macro, 'NoIndicators')
    await expect(make([one, one])).to.be.revertedWithCustomError(macro, 'IndicatorInvalid')
    await expect(make([{ ...one, publisher: ethers.ZeroAddress }])).to.be.revertedWithCustomError(
      macro,
      'IndicatorInvalid',
    )
    await expect(stranger.sendTransaction({ to: macro, value: 1 })).to.be.revertedWithCustomError(
      macro,
      'OnlyEnsembles',
    )
  })
})
