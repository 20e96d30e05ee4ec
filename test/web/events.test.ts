// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { STATES } from '../../keepers/agent/states.ts'
import { contractInterface } from '../../keepers/chain/index.ts'
import type { StoredLog } from '../../web/src/chain/history.ts'
import { readLog } from '../../web/src/chain/logs.ts'
import { tellStory } from '../../web/src/service/events.ts'

const abi = contractInterface('ILearningService')
const KEEPER = `0x${'11'.repeat(20)}`
const [WORD, SEAL, CID] = [`0x${'11'.repeat(32)}`, `0x${'11'.repeat(26)}`, `0x${'01'.repeat(36)}`]

function log(name: string, args: readonly unknown[], block = 1): StoredLog {
  return { block, index: 0, transactionHash: WORD, ...abi.encodeEventLog(name, args) }
}
const to = (state: (typeof STATES)[number], round: number) =>
  log('Transitioned', [0, STATES.indexOf(state), 0, 1, round, 0])
const roundOf = (round: number): StoredLog[] => [
  to('Training', round),
  log('UpdateCommitted', [round, 0, WORD]),
  log('UpdateRevealed', [round, 0, CID, 1000, 70]),
  log('UpdateRevealed', [round, 1, CID, 1000, 30]),
  log('AggregateAttested', [round, 0, SEAL]),
  log('ShareSubmitted', [round, 0, CID, 10]),
  log('ModelVoted', [round, 0, WORD, CID, 0]),
]

describe('the story that the console tells of a service', () => {
  it('counts what the log says of each round', () => {
    const settled = [...roundOf(1), log('UpdateCompleted', [1, WORD, CID, 4])]
    const [round] = tellStory({ settled, recent: [] }).rounds
    expect(round).to.include({ round: 1, committed: 1, revealed: 2, samples: 100, attested: 1, shares: 1, votes: 1 })
    expect(round).to.include({ version: 4, commitment: WORD, over: true, noMajority: false })
  })

  it('says of a round that ended without a vote neither that it runs nor that it had no majority', () => {
    const settled = [...roundOf(1), log('UpdateIncomplete', [1]), ...roundOf(2), ...roundOf(3)]
    const known = tellStory({ settled, recent: [] }).rounds.map(({ over, noMajority }) => [over, noMajority])
    expect(known).to.deep.equal([
      [true, true],
      [true, false],
      [false, false],
    ])
    const ended = tellStory({ settled, recent: [to('Registration', 3)] })
    expect(ended.rounds.map(({ over }) => over)).to.deep.equal([true, true, true])
  })

  it('is told anew of recent logs, which may leave the chain, and once of settled ones', () => {
    const settled = roundOf(1)
    const recent = [log('ModelVoted', [1, 1, WORD, CID, 0]), log('Joined', [0, KEEPER, KEEPER])]
    const seen = tellStory({ settled, recent })
    expect([seen.rounds[0]!.votes, seen.keepers.size]).to.deep.equal([2, 1])
    const without = tellStory({ settled, recent: [] })
    expect([without.rounds[0]!.votes, without.keepers.size]).to.deep.equal([1, 0])
    settled.push(log('ModelVoted', [1, 2, WORD, CID, 0]))
    expect(tellStory({ settled, recent: [] }).rounds[0]!.votes).to.equal(2)
    // What was told before does not change.
    expect(without.rounds[0]!.votes).to.equal(1)
  })

  it('does not read a long history again for each block', () => {
    let reads = 0
    const counted = (one: StoredLog): StoredLog => ({
      ...one,
      get topics() {
        reads++
        return one.topics
      },
    })
    const settled = Array.from({ length: 200 }, (_, i) => roundOf(i + 1))
      .flat()
      .map(counted)
    tellStory({ settled, recent: [] })
    reads = 0
    const { rounds } = tellStory({ settled, recent: roundOf(201) })
    expect(rounds).to.have.length(201)
    expect(reads).to.equal(0)
  })

  it('leaves out logs that are cut off, of other kinds, or without topics', () => {
    const joined = log('Joined', [0, KEEPER, KEEPER])
    for (const odd of [{ topics: [WORD] }, { topics: [] }, { topics: joined.topics.slice(0, 1) }]) {
      expect(readLog(abi, { ...joined, ...odd })).to.equal(null)
    }
    const cut = { ...roundOf(1)[2]!, data: '0x' }
    expect(tellStory({ settled: [cut], recent: [] }).rounds[0]).to.include({ revealed: 1, samples: 0 })
  })
})
