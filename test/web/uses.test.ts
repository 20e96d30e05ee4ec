// SPDX-License-Identifier: GPL-3.0-or-later
// What the console makes of the logs of the contracts that use proofs.
import { expect } from 'chai'
import { concat, type Interface, id, toBeHex, ZeroAddress } from 'ethers'
import { type ContractName, contractInterface } from '../../keepers/chain/index.ts'
import type { StoredLog } from '../../web/src/chain/history.ts'
import { saltOf, tellGuardians } from '../../web/src/dao/guardians.ts'
import { SERVICE_PARAMETERS, valueIn } from '../../web/src/dao/parameters.ts'
import { tellEnsembles } from '../../web/src/ensembles/events.ts'
import { latestDecision, opinionOf, statusOf, weightCurves } from '../../web/src/ensembles/opinion.ts'
import { tellGuard } from '../../web/src/guards/events.ts'
import { featuresInWords, readOutput } from '../../web/src/guards/features.ts'
import { tellMarket } from '../../web/src/provers/events.ts'
import { possibleFor } from '../../web/src/provers/jobs.ts'

const [ALICE, BOB, CAROL] = [1, 2, 3].map((n) => `0x${String(n).repeat(40)}`) as [string, string, string]
const WORD = `0x${'11'.repeat(32)}`
const PROOF = [
  [1, 2],
  [
    [3, 4],
    [5, 6],
  ],
  [7, 8],
]

/** Logs of one contract, a block each. */
function logsOf(contract: ContractName, ...events: readonly (readonly [name: string, ...args: unknown[]])[]) {
  const abi: Interface = contractInterface(contract)
  return events.map(
    ([name, ...args], i): StoredLog => ({
      ...{ block: i + 1, index: 0, transactionHash: toBeHex(i + 1, 32) },
      ...abi.encodeEventLog(name, args),
    }),
  )
}

describe('the story that the console tells of the market for proofs', () => {
  const terms = [10, 20, 1_000, 60, 1]
  const tale = tellMarket(
    logsOf(
      'ProverMarket',
      ['Bonded', ALICE, 500, 500],
      ['JobPosted', 1, CAROL, terms, [[WORD, 5, 6]], '0x010203'],
      ['SegmentClaimed', 1, 0, 0, BOB, 12, 900],
      ['ProverSlashed', 1, 0, 0, BOB, 0, 100, 50],
      ['SegmentClaimed', 1, 0, 0, ALICE, 15, 990],
      ['SegmentSubmitted', 1, 0, 0, ALICE, 7, PROOF],
      ['SegmentAccepted', 1, 0, 7],
      ['ProverPaid', 1, 0, 0, ALICE, 15],
      ['JobCompleted', 1, 7],
      ['JobEnded', 1, 4, 5],
    ),
  )

  it('says who claimed, answered, was paid and lost bond', () => {
    expect(tale.provers).to.deep.equal([
      { prover: ALICE, claimed: 1, answered: 1, paid: 1, earned: 15n, lost: 0n },
      { prover: BOB, claimed: 1, answered: 0, paid: 0, earned: 0n, lost: 100n },
    ])
  })

  it('tells of a job what happened, at which price, and with which answer', () => {
    const job = tale.jobs.get(1n)!
    expect([job.witnessBytes, job.prices.get('0:0'), job.submitted[0]!.output]).to.deep.equal([3, 15n, 7n])
    expect(job.happened).to.have.length(9)
    expect(job.happened[2]!.text).to.contain('did not answer in time').and.contain(BOB)
  })

  it('offers what the market allows, and nothing else', () => {
    const slot = { segment: 0, copy: 0, prover: ALICE, answer: WORD }
    const open = { status: 'open', slots: [{ ...slot, state: 'open', due: 0n }] } as const
    expect(possibleFor(open, false, 100)).to.deep.equal({ cancel: true, expire: [], settle: false, close: false })
    const late = { ...slot, state: 'claimed', due: 99n } as const
    expect(possibleFor({ status: 'open', slots: [late] }, false, 99).expire).to.deep.equal([])
    expect(possibleFor({ status: 'open', slots: [late] }, false, 100))
      .to.include({ cancel: false })
      .and.deep.include({
        expire: [late],
      })
    const answered = { status: 'settling', slots: [{ ...slot, state: 'submitted', due: 0n }] } as const
    expect(possibleFor(answered, false, 1)).to.include({ settle: true, close: false })
    expect(possibleFor(answered, true, 1).close).to.equal(true)
    expect(possibleFor({ status: 'completed', slots: answered.slots }, true, 1)).to.include({
      settle: false,
      close: false,
    })
  })

  it('does not fail over a job that it did not see posted', () => {
    expect(tellMarket(logsOf('ProverMarket', ['JobEnded', 9, 4, 5])).jobs.size).to.equal(0)
  })
})

describe('the story that the console tells of ensembles', () => {
  const settings = [0, 5_000, 0, 4, ZeroAddress, 10, 0]
  const members = [1, 2].map((model) => [model, 0, 1_024, 0])
  const tale = tellEnsembles(
    logsOf(
      'EnsembleOracle',
      ['EnsembleCreated', 1, CAROL, settings, members],
      ['QuestionAsked', 1, 1, BOB, WORD, 1_000, 0, 4],
      ['MemberAnswered', 1, 1, ALICE, 3, 7, true],
      ['MemberAnswered', 1, 0, ALICE, 2, 7, false],
      ['QuestionClosed', 1, 1, 3, 7, 768, 1_024],
      ['WeightsMoved', 1, 1, (1_088n << 16n) | 960n],
      ['QuestionAsked', 2, 1, BOB, WORD, 2_000, 0, 4],
    ),
  )

  it('keeps answers, decisions and weights apart by member and question', () => {
    const [first, second] = tale.questions
    expect(first!.answers.map(({ member, version, cast }) => [member, version, cast])).to.deep.equal([
      [1, 3, true],
      [0, 2, false],
    ])
    expect(opinionOf(first!, true)).to.equal('label 7, with 75.0 % of the weight cast')
    expect([opinionOf(second!, true), latestDecision(tale.questions)]).to.deep.equal(['none yet', first])
    expect([statusOf(second!, 2_000), statusOf(second!, 2_001), statusOf(first!, 5_000)]).to.deep.equal([
      'open',
      'due',
      'decided',
    ])
    expect(weightCurves([1_024, 1_024], tale.weights.get(1n)!)).to.deep.equal({
      questions: [0, 1],
      weights: [
        [1_024, 960],
        [1_024, 1_088],
      ],
    })
  })
})

describe('the story that the console tells of guarded accounts', () => {
  const hash = (n: number): string => toBeHex(n, 32)
  const FEATURES = concat(['0x7370656e642e7631', '0x0a00001f00000000'])
  const account = tellGuard(
    logsOf(
      'SpendingGuard',
      ['LimitChanged', ALICE, BOB, true, 5, 0],
      ['SpendAnnounced', ALICE, hash(1), 100, 200],
      ['SpendAnnounced', ALICE, hash(2), 100, 200],
      ['AnnouncementCancelled', ALICE, hash(2)],
      ['VerdictAccepted', ALICE, hash(3), 4, 1, FEATURES, (9n << 16n) | 1n, 300],
      ['VerdictAccepted', ALICE, hash(4), 4, 1, FEATURES, 1, 300],
      ['SpendPassed', ALICE, ZeroAddress, CAROL, 6, hash(3), 1],
      ['SpendPassed', ALICE, ZeroAddress, CAROL, 6, hash(1), 2],
    ),
  )[0]!

  it('says of announcements and verdicts what became of them', () => {
    expect(account.announcements.map(({ state }) => state)).to.deep.equal(['used', 'cancelled'])
    // The other verdict was about the account before it spent.
    expect(account.verdicts.map(({ over }) => over)).to.deep.equal(['used', 'the account spent since'])
    expect([account.passed, [...account.assets]]).to.deep.equal([
      [0, 1, 1],
      [ZeroAddress, BOB],
    ])
  })

  it('puts what a model was asked, and what it said, into words', () => {
    const words = new Map(featuresInWords(FEATURES)!)
    expect(words.get('Amount')).to.equal('2 to 4 times the limit')
    expect(words.get('Since the last spend')).to.equal('it never spent')
    expect([words.get('Kind'), words.get('Started by')]).to.deep.equal(['native', 'owners'])
    expect(featuresInWords('0x00')).to.equal(null)
    expect(readOutput((9n << 16n) | 1n, true)).to.deep.equal({ label: 1n, margin: 9n })
    expect(readOutput(70_000n, false)).to.deep.equal({ label: 70_000n, margin: null })
  })
})

describe('the DAO as the console reads it', () => {
  it('knows who is a guardian, until when, and what was cancelled', () => {
    const { terms, happened } = tellGuardians(
      logsOf(
        'Guardian',
        ['GuardianAppointed', ALICE, 100],
        ['GuardianAppointed', BOB, 100],
        ['GuardianDismissed', BOB],
        ['OperationCancelled', WORD, ALICE],
      ),
    )
    expect([[...terms], happened.length]).to.deep.equal([[[ALICE, 100]], 4])
  })

  it('has a meaning for every parameter of a service', () => {
    const fields = contractInterface('ILearningService').getFunction('parameters')!.outputs[0]!.components!
    expect(Object.keys(SERVICE_PARAMETERS)).to.deep.equal(fields.map(({ name }) => name))
  })

  it('writes values in their units', () => {
    expect(valueIn('seconds', 3_700n)).to.equal('1 h 1 min')
    expect(valueIn('basis points', 5_000n)).to.equal('50 %')
    expect(valueIn('tokens', 5n * 10n ** 18n)).to.equal('5 COH')
    expect([valueIn('address', ZeroAddress), valueIn('digest', WORD)]).to.deep.equal(['none', WORD])
  })

  it('salts an operation as the governor does', () => {
    // bytes20(governor) ^ descriptionHash: only the first twenty bytes change.
    const [governor, hash] = [`0x${'ff'.repeat(20)}`, id('Appoint a guardian')]
    const salt = saltOf(governor, hash)
    expect(salt.slice(42)).to.equal(hash.slice(42))
    expect(BigInt(salt.slice(0, 42)) ^ BigInt(hash.slice(0, 42))).to.equal(BigInt(governor))
  })
})
