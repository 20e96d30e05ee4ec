// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { counters, gasByPhase, phaseSeconds, roundSeconds, sumOf } from '../../scripts/bench/round/figures.ts'

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
  })
})
