// SPDX-License-Identifier: GPL-3.0-or-later
// Labels by an ensemble: paid from a budget, one for each input, none without proofs.
import { expect } from 'chai'
import { commitment } from '../inference/product-circuit.ts'
import { compiled } from '../rounds/without.ts'
import { createServices, INPUT, RULE } from './ensemble.ts'

const PRICE = 3000n
const LABEL = { none: 0n, asked: 1n, labelled: 2n, refused: 3n }

/** A student's book over an ensemble of three services that say `outputs`. */
async function opened(outputs: readonly number[] = [7, 7, 3], changes: object = {}, budget = 3n * PRICE) {
  const world = await createServices()
  const { addService, found, labels, ensembles, answer } = world
  const members: Awaited<ReturnType<typeof addService>>[] = []
  for (const output of outputs) members.push(await addService(output))
  const ensembleId = await found({}, members)
  const student = await addService(9)
  const book = labels.connect(student.owner)
  const terms = { ensembleId, price: PRICE, maxLabels: 4, minLead: 0, answerSeconds: 3600, ...changes }
  await book.openBook(student.address, terms, { value: budget })
  const roster = async () => (await ensembles.rosterOf(ensembleId))[1]
  const askLabel = async (input = INPUT) => {
    await book.askLabel(1, await roster(), input, '0x04')
    return await ensembles.questionCount()
  }
  const answerAll = async (question: bigint) => {
    for (const member of members) await answer(question, member)
  }
  return { ...world, members, ensembleId, student, book, terms, roster, askLabel, answerAll }
}

describe('PseudoLabels', () => {
  it('records the label that the ensemble has decided, once, for the input that was asked about', async () => {
    const { labels, book, askLabel, answerAll, ensembles } = await opened()
    const question = await askLabel()
    expect((await labels.labelOf(1, INPUT)).status).to.equal(LABEL.asked)
    await expect(labels.record(question)).to.be.revertedWithCustomError(ensembles, 'NotClosableYet')
    await answerAll(question)
    await expect(labels.record(question)).to.emit(labels, 'LabelRecorded').withArgs(1, INPUT, question, 7, 333)
    const { status, value, lead, questionId } = await labels.labelOf(1, INPUT)
    expect([status, value, lead, questionId]).to.deep.equal([LABEL.labelled, 7n, 333n, question])
    // Replays: the same question again, the same input again, another input with the same answers.
    await expect(labels.record(question)).to.be.revertedWithCustomError(labels, 'AlreadyRecorded')
    await expect(askLabel()).to.be.revertedWithCustomError(labels, 'InputAsked').withArgs(1, INPUT, LABEL.labelled)
    expect((await labels.labelOf(1, commitment(2n))).status).to.equal(LABEL.none)
    await expect(labels.record(99)).to.be.revertedWithCustomError(labels, 'NotAsked')
    expect((await book.bookOf(1)).labelled).to.equal(1n)
  })

  it('gives no label without proofs: silence costs nothing, and the input can be asked about again', async () => {
    const { labels, askLabel, answerAll, pastDeadline, ensembles } = await opened()
    const silent = await askLabel()
    expect((await labels.bookOf(1)).budget).to.equal(2n * PRICE)
    await pastDeadline(silent)
    await expect(labels.record(silent)).to.emit(labels, 'LabelRefused').withArgs(1, INPUT, silent, 0)
    expect((await labels.bookOf(1)).budget, 'all came back').to.equal(3n * PRICE)
    const again = await askLabel()
    await answerAll(again)
    await labels.record(again)
    expect((await labels.labelOf(1, INPUT)).status).to.equal(LABEL.labelled)
    expect(await ensembles.balanceOf(labels)).to.equal(0n)
  })

  it('never spends more than the budget, nor asks for more labels than its terms say', async () => {
    const { labels, book, askLabel, ethers, stranger } = await opened([7, 7, 3], { maxLabels: 3 }, 2n * PRICE + 1n)
    for (const feature of [1n, 2n]) await askLabel(commitment(feature))
    await expect(askLabel(commitment(3n)))
      .to.be.revertedWithCustomError(labels, 'BudgetSpent')
      .withArgs(1, 1, PRICE)
    await expect(labels.connect(stranger).fund(1, { value: 2n * PRICE })).to.emit(labels, 'Funded')
    await askLabel(commitment(3n))
    await expect(askLabel(commitment(4n)))
      .to.be.revertedWithCustomError(labels, 'LabelsSpent')
      .withArgs(1, 3)
    await expect(book.fund(1)).to.be.revertedWithCustomError(labels, 'NothingSent')
    await expect(book.drain(1))
      .to.emit(labels, 'Drained')
      .withArgs(1, PRICE + 1n)
    expect(await ethers.provider.getBalance(labels), 'what others are owed').to.equal(PRICE + 1n)
  })

  it('keeps the budgets of two books apart, and can pay all of them', async () => {
    const { labels, book, student, terms, askLabel, answer, members, pastDeadline, ethers } = await opened()
    await book.openBook(student.address, terms, { value: 5n * PRICE })
    const question = await askLabel()
    await answer(question, members[0]!)
    await pastDeadline(question)
    await labels.record(question)
    const budgets = [(await labels.bookOf(1)).budget, (await labels.bookOf(2)).budget]
    expect(budgets, 'one answer of three was paid for').to.deep.equal([2n * PRICE + 2000n, 5n * PRICE])
    expect(await ethers.provider.getBalance(labels)).to.equal(budgets[0]! + budgets[1]!)
  })

  it('refuses what the members do not agree on enough: one poisoned member of three cannot label against two', async () => {
    const disputed = await opened([7, 3, 5], { minLead: 300 })
    const question = await disputed.askLabel()
    await disputed.answerAll(question)
    await expect(disputed.labels.record(question))
      .to.emit(disputed.labels, 'LabelRefused')
      .withArgs(1, INPUT, question, 0)
    // The two that agree outvote a member whose service is poisoned.
    const clear = await opened([7, 7, 3], { minLead: 300 })
    const second = await clear.askLabel()
    await clear.answerAll(second)
    await clear.labels.record(second)
    expect((await clear.labels.labelOf(1, INPUT)).value).to.equal(7n)
  })

  it('asks nobody when the curator has changed the membership since the student looked', async () => {
    const { labels, book, ensembles, roster, ensembleId, addService } = await opened()
    const seen = await roster()
    const poisoned = await addService(9)
    await ensembles.join(ensembleId, poisoned.modelId, 16_383, 0)
    await expect(book.askLabel(1, seen, INPUT, '0x'))
      .to.be.revertedWithCustomError(ensembles, 'RosterChanged')
      .withArgs(ensembleId, seen + 1n, seen)
    expect((await labels.bookOf(1)).budget).to.equal(3n * PRICE)
  })

  it('takes a question that somebody else has closed, and a refund that came meanwhile', async () => {
    const { labels, askLabel, pastDeadline, ensembles, stranger } = await opened()
    const question = await askLabel()
    await pastDeadline(question)
    await ensembles.connect(stranger).close(question)
    await ensembles.connect(stranger).withdraw(labels, labels)
    await labels.record(question)
    expect((await labels.bookOf(1)).budget).to.equal(3n * PRICE)
  })

  it('is opened by the student’s authority, asked and drained by the book’s owner alone', async () => {
    const { labels, student, terms, stranger, roster } = await opened()
    const other = labels.connect(stranger)
    await expect(other.openBook(student.address, terms)).to.be.revertedWithCustomError(labels, 'NotServiceAuthority')
    await expect(other.askLabel(1, await roster(), INPUT, '0x')).to.be.revertedWithCustomError(labels, 'NotBookOwner')
    await expect(other.drain(1)).to.be.revertedWithCustomError(labels, 'NotBookOwner')
    await expect(other.drain(9)).to.be.revertedWithCustomError(labels, 'UnknownBook')
    await expect(stranger.sendTransaction({ to: labels, value: 1 })).to.be.revertedWithCustomError(
      labels,
      'OnlyEnsembles',
    )
  })

  it('refuses terms that make no sense, and ensembles of scores', async () => {
    const { labels, book, student, terms, found, ensembles } = await opened()
    const bad = (changes: object, name: string, contract: typeof labels | typeof ensembles = labels) =>
      expect(book.openBook(student.address, { ...terms, ...changes }), name).to.be.revertedWithCustomError(
        contract,
        name,
      )
    await bad({ price: 0 }, 'PriceInvalid')
    for (const maxLabels of [0, 1_000_001]) await bad({ maxLabels }, 'LabelCountInvalid')
    await bad({ minLead: 1001 }, 'LeadInvalid')
    for (const answerSeconds of [59, 31 * 24 * 3600]) await bad({ answerSeconds }, 'SecondsInvalid')
    await bad({ ensembleId: 99 }, 'UnknownEnsemble', ensembles)
    await bad({ ensembleId: await found({ rule: RULE.mean, scale: 1 }, []) }, 'NotALabelEnsemble')
  })

  it('would pay for one label again and again, were the replay not refused', async () => {
    const world = await opened()
    const { labels, ethers, networkHelpers, ensembles, dao, askLabel, pastDeadline } = world
    const { abi, bytecode } = compiled('contracts/nested/PseudoLabels.sol', 'PseudoLabels', null, [
      {
        file: 'contracts/nested/PseudoLabels.sol',
        from: 'if (asked.recorded) revert AlreadyRecorded(questionId);',
        to: '',
      },
    ])
    const changed = await new ethers.ContractFactory(abi, bytecode, dao).deploy(ensembles)
    await networkHelpers.setCode(await labels.getAddress(), await ethers.provider.getCode(changed))
    const question = await askLabel()
    await pastDeadline(question)
    for (let i = 0; i < 2; i++) await labels.record(question)
    expect((await labels.bookOf(1)).budget, 'ether that nobody paid in').to.equal(4n * PRICE)
    expect(await ethers.provider.getBalance(labels)).to.equal(3n * PRICE)
  })
})
