// SPDX-License-Identifier: GPL-3.0-or-later
// A service as of a block, from its log alone; the evidence of a penalty; the difference between two versions.
import { expect } from 'chai'
import { encodeBytes32String, toBeHex } from 'ethers'
import { STATES } from '../../keepers/agent/states.ts'
import { contractInterface } from '../../keepers/chain/index.ts'
import type { StoredLog } from '../../web/src/chain/history.ts'
import { distanceOf, distancesByPart } from '../../web/src/service/difference.ts'
import { tellStory } from '../../web/src/service/events.ts'
import { evidenceFor } from '../../web/src/service/evidence.ts'
import { blockOf } from '../../web/src/service/past.ts'
import { provenAbout, votesOf } from '../../web/src/service/proofs.ts'
import { replayStanding } from '../../web/src/service/replay.ts'
import { parseSamples } from '../../web/src/service/samples.ts'

const abi = contractInterface('ILearningService')
const [ALICE, BOB] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`]
const [WORD, CID] = [`0x${'11'.repeat(32)}`, `0x${'01'.repeat(36)}`]

const log = (block: number, name: string, ...args: unknown[]): StoredLog => ({
  ...{ block, index: 0, transactionHash: toBeHex(block, 32) },
  ...abi.encodeEventLog(name, args),
})
const to = (block: number, state: (typeof STATES)[number], round: number) =>
  log(block, 'Transitioned', 0, STATES.indexOf(state), 0, 1, round, 500 + block)

const LOGS = [
  log(1, 'Joined', 0, ALICE, ALICE),
  log(2, 'Joined', 1, BOB, BOB),
  log(3, 'EpochOpened', 1, WORD, 0b11, 2, 2),
  to(4, 'Training', 1),
  log(5, 'UpdateCommitted', 1, 0, WORD),
  log(6, 'UpdateRevealed', 1, 0, CID, 10, 20),
  log(7, 'UpdateDisputed', 1, 1, 0),
  log(8, 'MembersDrafted', 1, 0b10, WORD, 0b11, 0b01, 0b11),
  log(9, 'Penalised', 1, 0, ALICE, encodeBytes32String('FRAUD'), 20),
  log(10, 'ModelVoted', 1, 1, WORD, CID, 0),
  log(11, 'UpdateCompleted', 1, WORD, CID, 1),
  log(11, 'RoundRewarded', 1, 3, 4),
  to(12, 'Training', 2),
  log(13, 'LeaveRequested', 1, BOB),
  log(14, 'RewardCollected', 0, ALICE, 6),
  log(15, 'RewardCollected', 0, ALICE, 6),
]

describe('a service as of a block, from its log', () => {
  it('is what it was: state, members, and who had taken which step', () => {
    const then = replayStanding(LOGS, 8)
    expect(then).to.include({
      state: 'Training',
      epoch: 1,
      round: 1,
      end: 504,
      memberCount: 2,
      quorum: 2,
      threshold: 2,
    })
    const [alice, bob] = then.seats
    expect(alice).to.deep.include({ keeper: ALICE, member: true, drafted: false, strikes: null })
    expect(alice!.steps).to.deep.equal({ committed: true, revealed: true, attesters: false, shared: false })
    expect(bob).to.deep.include({ drafted: true, leaving: false })
    expect([then.reward, then.pool, then.manifest]).to.deep.equal([null, null, null])
  })

  it('forgets the steps when another round begins, and seats only when they are left', () => {
    const later = replayStanding([...LOGS, log(16, 'Left', 1, BOB)], 15)
    expect(later).to.include({ round: 2 })
    expect(later.seats.map(({ steps, leaving }) => [steps.committed, leaving])).to.deep.equal([
      [false, false],
      [false, true],
    ])
    expect(replayStanding([...LOGS, log(16, 'Left', 1, BOB)], 16).seats).to.have.length(1)
    expect(replayStanding(LOGS, 0)).to.include({ state: STATES[0], memberCount: 0 })
  })

  it('finds the block in which a round had all its steps', () => {
    const { rounds } = tellStory({ settled: [...LOGS, log(16, 'UpdateCommitted', 2, 0, WORD)], recent: [] })
    expect(rounds.map((round) => blockOf(rounds, round))).to.deep.equal([10, null])
    const abandoned = { ...rounds[0]!, resultBlock: null }
    expect(blockOf([abandoned, rounds[1]!], abandoned)).to.equal(15)
  })

  it('adds up what rounds set aside and keepers collected', () => {
    const { rewards, collected } = tellStory({ settled: LOGS, recent: [] })
    expect(rewards).to.deep.equal([{ round: 1, perShare: 3n, shares: 4n }])
    expect([...collected]).to.deep.equal([[ALICE, 12n]])
    // Told again, they do not double.
    expect(tellStory({ settled: LOGS, recent: [] }).collected.get(ALICE)).to.equal(12n)
  })
})

describe('the evidence of a penalty', () => {
  it('has who accused the seat, who convicted it, and nothing of others or of later', () => {
    const found = evidenceFor({ epoch: 1, seat: 0, block: 9 }, LOGS)
    expect(found.map(({ text }) => text)).to.deep.equal([
      'round 1: seat 1 said that its update fails its check',
      'round 1: the seals of 2 members convict it',
    ])
    expect(evidenceFor({ epoch: 1, seat: 0, block: 7 }, LOGS)).to.have.length(1)
    expect(evidenceFor({ epoch: 2, seat: 0, block: 9 }, LOGS)).to.deep.equal([])
    const [said] = evidenceFor({ epoch: 1, seat: 1, block: 9 }, LOGS)
    expect(said!.text).to.equal('round 1: it said that the update of seat 0 fails its check')
  })
})

describe('a version', () => {
  it('is compared weight by weight, and by layer', () => {
    const [one, other] = [Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 2, 0, 8)]
    expect(distanceOf(one, other)).to.deep.equal({ l2: 5, max: 4 })
    const parts = [
      { name: 'kernel', offset: 0, length: 2 },
      { name: 'bias', offset: 2, length: 2 },
    ]
    expect(distancesByPart(one, other, parts).map(({ name, l2 }) => [name, l2])).to.deep.equal([
      ['kernel', 0],
      ['bias', 5],
    ])
    expect(() => distanceOf(one, Float32Array.of(1))).to.throw('different models')
  })

  it('has the votes of its round, and the proofs about it alone', () => {
    expect(votesOf(LOGS, 1)).to.have.length(1)
    expect(votesOf(LOGS, 2)).to.have.length(0)
    const hub = contractInterface('InferenceHub')
    const answers = [
      [1, 1],
      [1, 2],
      [2, 1],
    ].map(([model, version], i): StoredLog => {
      const args = [toBeHex(i, 32), model, ALICE, version, 7, true]
      return { block: i, index: 0, transactionHash: WORD, ...hub.encodeEventLog('InferenceFulfilled', args) }
    })
    expect(provenAbout(answers, new Set([1n]), 1).map(({ block }) => block)).to.deep.equal([0])
  })
})

describe('public samples', () => {
  it('are refused by field when they do not fit together', () => {
    const file = (inputs: unknown, labels: unknown) => JSON.stringify({ inputs, labels })
    expect(parseSamples(file([[0, 0.5]], [3])).labels).to.deep.equal([3])
    expect(() => parseSamples('{')).to.throw('not JSON')
    expect(() => parseSamples(file([[0], [1]], [3]))).to.throw('takes a label for each input')
    expect(() => parseSamples(file([[0], [1, 2]], [3, 4]))).to.throw('takes inputs of one size')
    expect(() => parseSamples(file([['a']], [3]))).to.throw('inputs.0.0')
    expect(() => parseSamples(file([[0]], [-1]))).to.throw('labels.0')
  })
})
