// SPDX-License-Identifier: GPL-3.0-or-later
// Spends as bytes, and what the released model says of them. Circuit, proofs and contracts:
// test/contracts/consumers/SpendingGuard.model.test.ts.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import {
  encodeSpend,
  judgedBy,
  readSpend,
  SPEND_CIRCUIT,
  SPEND_VERDICTS,
  spendCommitment,
  spendFigures,
  spendHistories,
  spendModel,
  spendProgram,
  UNSEEN_PATTERN,
} from '../../../../keepers/apps/spending/index.ts'
import { ServingError } from '../../../../keepers/serving/index.ts'
import { programCost, proveBounds } from '../../../../keepers/zkml/index.ts'

/** One block of SHA-256 and a network of sixteen ReLUs. */
const MOST_CONSTRAINTS = 20_000
const FEATURES = [9, 0, 0, 31, 0, 0, 0, 0]

describe('spends', function () {
  this.timeout(60_000)
  const program = spendProgram(spendModel())

  it('are tag and features; the commitment is that of SHA-256', () => {
    const spend = encodeSpend(FEATURES)
    expect(Buffer.from(spend).toString('hex')).to.equal('7370656e642e76310900001f00000000')
    const digest = createHash('sha256').update(spend).digest('hex')
    expect(spendCommitment(spend)).to.equal(BigInt(`0x${digest}`) >> 8n)
  })

  it('are refused with another tag, length or range', () => {
    for (const [features, message] of [
      [FEATURES.slice(1), /16 bytes.*found 15/],
      [[...FEATURES.slice(1), 32], /feature 7 of a spend is 32/],
      [[...FEATURES.slice(1), 0.5], /feature 7 of a spend is 0.5/],
      [[-1, ...FEATURES.slice(1)], /feature 0 of a spend is -1/],
    ] as const) {
      expect(() => encodeSpend(features)).to.throw(ServingError, message)
    }
    const spend = encodeSpend(FEATURES)
    spend[7]! += 1
    expect(() => readSpend(program, spend)).to.throw(ServingError, /tag "spend.v2".*another version/)
    const [, beyond] = [spend[7]!--, spend.fill(64, 8, 9)]
    expect(() => spendCommitment(beyond)).to.throw(ServingError, /feature 0 of a spend is 64/)
  })

  it('are judged by integers as by floats', () => {
    const spends = spendHistories({ split: 'test', accounts: 1000, seed: 1 })
    const floats = judgedBy(spendModel(), spends)
    const readings = spends.map(({ features }) => readSpend(program, encodeSpend(features)))
    const same = readings.filter(({ label }, i) => label === (floats[i]!.lead > 0 ? 1 : 0)).length
    expect(same / spends.length).to.be.above(0.995)
    const judged = spends.flatMap((spend, i) => {
      const { label, margin } = readings[i]!
      return spend.pattern === UNSEEN_PATTERN ? [] : [{ spend, lead: label === 1 ? Number(margin) : -Number(margin) }]
    })
    const { recall, falseAlarms } = spendFigures(judged)
    expect(recall).to.be.above(0.7)
    expect(falseAlarms).to.be.below(0.065)
  })

  it('are told apart where it is plain, and output says label and margin', () => {
    const plain = [
      // A third of a limit more than is left, to somebody who was paid fifteen times, three days after the last spend.
      [[9, 0, 0, 13, 15, 0, 2, 0], 'ordinary'],
      // Many limits at once to a new address, the third such spend within minutes.
      [[14, 15, 2, 1, 0, 0, 0, 0], 'theft'],
      // An allowance without bound to a plain address.
      [[31, 0, 0, 12, 0, 0, 4, 0], 'theft'],
    ] as const
    for (const [features, verdict] of plain) {
      const { label, margin, output } = readSpend(program, encodeSpend(features))
      expect(SPEND_VERDICTS[label], features.join()).to.equal(verdict)
      expect(output).to.equal(BigInt(label) + (margin << 16n))
    }
  })

  it('have a program whose bounds hold, and a circuit of at most 20,000 constraints', () => {
    proveBounds(program)
    expect(program.input).to.include({ bits: 8, min: 0 })
    expect(programCost(program, SPEND_CIRCUIT).total).to.be.at.most(MOST_CONSTRAINTS)
  })
})
