// SPDX-License-Identifier: GPL-3.0-or-later
// What an update that passes its proof of shortness far beyond the bound does to rounds: above some n bounds the mean's norm
// gives it away, below that its member counts for several, and votes have to stop it.
import { expect } from 'chai'
import { isAcceptable, nextReference, proceduralDigits } from '../../../keepers/learning/index.ts'
import { type Outcome, type Poisoning, poisonedRounds } from './poisoned-rounds.ts'

const data = proceduralDigits({ seed: 5, train: 1600, test: 300 })
/** Trained well by then. */
const FROM = 10
const ROUNDS = 30
const SEEDS = [1, 2]

async function services(members: number, poisoning: Poisoning, heldAgainst?: 'last'): Promise<Outcome[]> {
  const held = heldAgainst === undefined ? {} : { heldAgainst }
  const outcomes: Outcome[] = []
  for (const seed of SEEDS) {
    outcomes.push(await poisonedRounds({ members, poisoning, from: FROM, rounds: ROUNDS, seed, data, ...held }))
  }
  return outcomes
}

describe('learning: a poisoner with an update that passes its proof', function () {
  this.timeout(120_000)

  for (const members of [10, 16]) {
    describe(`among ${members} members`, () => {
      let honest: readonly Outcome[] = []
      before(async () => {
        honest = await services(members, 'none')
      })

      for (const times of [100, 1000]) {
        it(`at ${times} times the bound: each of its rounds is refused for the mean’s norm, until it is left out`, async () => {
          for (const [i, found] of (await services(members, times)).entries()) {
            // Four in 95 of 100 services: test/contracts/rounds/suspicion.test.ts. The second here is one of the others.
            expect(found.refused.length).to.be.within(1, 6)
            expect(found.refused[0]).to.equal(FROM)
            expect(found.votedDown).to.deep.equal([])
            expect(found.poisoned).to.deep.equal([])
            expect(found.accuracy).to.be.above(honest[i]!.accuracy - 0.05)
          }
        })
      }

      it('just within the bound on the mean: members vote it down, and it is left out', async () => {
        for (const [i, found] of (await services(members, 'just within')).entries()) {
          expect(found.refused).to.deep.equal([])
          expect(found.votedDown.length).to.be.above(0)
          expect(found.poisoned.length).to.be.below((ROUNDS - FROM) / 2)
          expect(found.accuracy).to.be.above(honest[i]!.accuracy - 0.25)
        }
      })

      it('the same, if votes held a model against the last one alone: nothing stops it, and the model is worth nothing', async () => {
        for (const found of await services(members, 'just within', 'last')) {
          expect([...found.refused, ...found.votedDown]).to.deep.equal([])
          expect(found.poisoned.length).to.equal(ROUNDS - FROM)
          expect(found.accuracy).to.be.below(0.25)
        }
      })
    })
  }

  it('at 10 times the bound among 16: it counts for ten, no round is lost, and accuracy is', async () => {
    const honest = await services(16, 'none')
    for (const [i, found] of (await services(16, 10)).entries()) {
      expect([...found.refused, ...found.votedDown]).to.deep.equal([])
      expect(found.poisoned.length).to.equal(ROUNDS - FROM)
      expect(found.accuracy).to.be.within(honest[i]!.accuracy - 0.25, honest[i]!.accuracy - 0.04)
    }
  })
})

describe('learning: the reference for a candidate', () => {
  it('is nothing before the first', () => {
    expect(isAcceptable(0, null, 0)).to.equal(true)
    expect(nextReference(0.4, null)).to.equal(0.4)
  })

  it('is the best so far, so that losses do not add up', () => {
    let reference = 0.9
    let accuracy = 0.9
    let accepted = 0
    for (; isAcceptable(accuracy - 0.1, reference, 0.25); accepted++) {
      accuracy -= 0.1
      reference = nextReference(accuracy, reference)
    }
    expect(accepted).to.equal(2)
    expect(nextReference(0.95, 0.9)).to.equal(0.95)
  })

  it('fades over some hundred rounds, so that data may change', () => {
    let reference = 0.9
    for (let round = 0; round < 64; round++) reference = nextReference(0.7, reference)
    expect(reference).to.be.within(0.77, 0.78)
    for (let round = 0; round < 1000; round++) reference = nextReference(0.7, reference)
    expect(reference).to.be.closeTo(0.7, 1e-6)
  })

  it('refuses exactly what is below the tolerance', () => {
    expect(isAcceptable(0.5, 0.75, 0.25)).to.equal(true)
    expect(isAcceptable(0.4999, 0.75, 0.25)).to.equal(false)
  })
})
