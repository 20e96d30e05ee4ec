// SPDX-License-Identifier: GPL-3.0-or-later
// The attack of test/keepers/fhe/colluders at (16, 9) and at seatings drawn at random, over two rounds of unknown updates.
import { expect } from 'chai'
import { readingsOf } from '../keepers/fhe/colluders/seating.ts'
import { Stage, seating } from '../keepers/fhe/colluders/stage.ts'
import { expectKnownPlaintextVerdicts, expectUnknownPlaintextVerdicts } from '../keepers/fhe/colluders/verdict.ts'

/** 56 bits of flooding, where a few seconds are enough; with known plaintexts no amount of it helps. */
const BITS = 56

describe('fhe against t − 1 colluders of many members', function () {
  this.timeout(300_000)

  it('(16, 9), seated for the largest denominator: opened without masks, shut with them', async () => {
    const seats = seating(16, [3, 6, 7, 9, 11, 12, 13, 14], [1, 2, 4, 5, 8, 10, 13, 15, 16])
    expect(readingsOf(seats.colluders, seats.activeSet).denominator).to.equal(8_259_802_551n)
    await using stage = await Stage.open(seats, BITS, 44_426)
    await expectUnknownPlaintextVerdicts(stage)
  })

  it('(13, 7) and (16, 9), full flooding, plaintexts known: the same', async () => {
    for (const seats of [
      seating(13, [4, 5, 6, 9, 10, 12], [1, 2, 3, 7, 8, 11, 13]),
      seating(16, [3, 6, 7, 9, 11, 12, 13, 14], [1, 2, 4, 5, 8, 10, 13, 15, 16]),
    ]) {
      await using stage = await Stage.open(seats, 128)
      await expectKnownPlaintextVerdicts(stage)
    }
  })

  for (const [members, threshold] of [
    [13, 7],
    [16, 9],
  ] as const) {
    it(`(${members}, ${threshold}), seated at random: the same`, async () => {
      const seats = drawn(members, threshold)
      const name = `colluders ${seats.colluders}, drafted ${seats.activeSet}`
      try {
        await using stage = await Stage.open(seats, 64)
        await expectUnknownPlaintextVerdicts(stage)
      } catch (error) {
        throw new Error(name, { cause: error })
      }
    })
  }
})

/** Colluders out of the draft as far as there are others, and the first draw whose readings tell a message modulo 2^14. */
function drawn(members: number, threshold: number): ReturnType<typeof seating> {
  for (;;) {
    const points = Array.from({ length: members }, (_, i) => ({ point: i + 1, key: Math.random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ point }) => point)
    const colluders = points.slice(0, threshold - 1).sort((a, b) => a - b)
    const drafted = points.slice(-threshold).sort((a, b) => a - b)
    const seats = seating(members, colluders, drafted)
    if (readingsOf(seats.colluders, seats.activeSet).denominator > 1n << 14n) return seats
  }
}
