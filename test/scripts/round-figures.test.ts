// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  counters,
  gasByPhase,
  phaseSeconds,
  roundSeconds,
  sliceOutcomes,
  sumAll,
  sumOf,
} from '../../scripts/bench/round/figures.ts'
import { processorByPhase } from '../../scripts/bench/round/processor.ts'

describe('figures of a round', () => {
  const state = (second: number, name: string, round: number) => ({
    node: 'a',
    event: 'state',
    state: name,
    round,
    time: new Date(second * 1000).toISOString(),
  })
  const states = [state(10, 'Training', 2), state(14, 'Reveal', 2), state(15, 'Decrypt', 2), state(21, 'Training', 3)]

  it('are the times between the states that a keeper saw, and none for a state that it did not see', () => {
    expect(phaseSeconds(states, 'Training', 2)).to.equal(4)
    expect(phaseSeconds(states, 'Decrypt', 2)).to.equal(6)
    expect(phaseSeconds(states, 'Aggregate', 2)).to.equal(null)
    expect(phaseSeconds(states, 'Training', 3)).to.equal(null)
    expect(roundSeconds(states, 2)).to.equal(11)
    expect(roundSeconds(states, 3)).to.equal(null)
  })

  it('are the gas of those rounds by phase', () => {
    const acted = (method: string, round: number, gas: number) => ({ node: 'a', event: 'acted', method, round, gas })
    const lines = [acted('attest', 1, 1), acted('attest', 2, 10), acted('attest', 3, 100), acted('poke', 2, 1000)]
    expect([...gasByPhase(lines, [2, 3])]).to.deep.equal([
      ['aggregate', 110],
      ['other', 1000],
    ])
  })

  it('are counters by label, added up over processes', () => {
    const counts = counters(['# HELP a b\nx_total{kind="a"} 3\nx_total{kind="b"} 4\n', 'x_total{kind="a"} 2\n'])
    expect(sumOf(counts, 'x_total', 'a')).to.equal(5)
    expect(sumOf(counts, 'x_total', 'c')).to.equal(0)
    expect(sumAll(counts, 'x_total')).to.equal(9)
  })

  it('are how keepers added up, by message and cause', () => {
    const line = (event: string, round: number, message: string, cause?: string) => ({
      ...{ node: 'a', event, round, message },
      ...(cause === undefined ? {} : { cause }),
    })
    const lines = [
      line('slices', 1, 'update'),
      line('slices', 2, 'update'),
      line('slices', 9, 'update'),
      line('slices disagree', 2, 'decryption share', 'withheld'),
    ]
    expect([...sliceOutcomes(lines, 4)]).to.deep.equal([
      ['update.together', 2],
      ['share.withheld', 1],
    ])
  })

  it('are processor seconds between the states of measured rounds', () => {
    const sample = (state: string, round: number, keepers: number, chain: number) => ({ state, round, keepers, chain })
    const samples = [
      sample('Training', 1, 0, 0),
      sample('Training', 2, 10, 1),
      sample('Vote', 2, 14, 2),
      sample('Training', 3, 20, 4),
      sample('Vote', 3, 26, 4),
    ]
    expect([...processorByPhase(samples, [2])]).to.deep.equal([
      ['training', { keepers: 4, chain: 1 }],
      ['round', { keepers: 10, chain: 3 }],
      ['vote', { keepers: 6, chain: 2 }],
    ])
  })
})
