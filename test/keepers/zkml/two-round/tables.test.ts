// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { forge } from './dishonest.ts'
import { challengesFor, F, holds, named, refused } from './forging.ts'
import { keyFor, uncheckedKeyFor } from './keys.ts'
import { firstValues, type NamedCircuit, ROWS, rangeCircuit, secondValues, type Values } from './range-circuit.ts'

describe('tables of two rounds', () => {
  const circuit = rangeCircuit()

  it('a pair in one column is another pair too; under a second challenge it is itself', async () => {
    // The limb 16 with the square −1 adds up to what row 0 does: 16 + 16·(−1) = 0.
    const first = { ...firstValues(0), secret: 16n, low: 16n, 'low²': -1n, input: 256n, output: -1n }
    const column = columnCircuit()
    const key = await keyFor(column)
    const [forged, separate] = [{ ...first, m0: 2n }, rangeCircuit(2)]
    const proof = await forge(key, column, {
      committed: forged,
      finish(commitment) {
        const [x] = challengesFor(key, column, forged, commitment)
        return { ...forged, x: x!, ...columnValues(forged, x!) }
      },
    })
    expect(await holds(key, column, proof, forged)).to.equal(true)
    const two = await keyFor(separate)
    const refusedProof = await forge(two, separate, {
      committed: forged,
      finish(commitment) {
        const given = challengesFor(two, separate, forged, commitment)
        return { ...forged, ...named(separate, given), ...secondValues(forged, given) }
      },
    })
    expect(await holds(two, separate, refusedProof, forged)).to.equal(false)
  })

  it('a row that occurs twice leaves the first round free; no key is made for that', async () => {
    const constraints = circuit.constraints.map((sides) =>
      'm9' in sides[2] ? ([sides[0], { x: 1, one: -3 }, sides[2]] as const) : sides,
    )
    const bad = { ...circuit, constraints }
    const open = await uncheckedKeyFor(bad)
    for (const split of [0n, 1n, 55n]) {
      const first = { ...firstValues(0x33), m3: split, m9: 2n - split }
      const proof = await forge(open, bad, {
        committed: first,
        finish(commitment) {
          const [x] = challengesFor(open, bad, first, commitment)
          const second = secondValues(first, [x!])
          return { ...first, x: x!, ...second, 'm9/(x−9)': F.div(first.m9, x! - 3n) }
        },
      })
      expect(await holds(open, bad, proof, first)).to.equal(true)
    }
    await refused(bad, /stand for the same row/)
  })
})

/** Both columns of the table of squares added up in one: t + 16·t². */
function columnCircuit(): NamedCircuit {
  const one = rangeCircuit()
  return {
    ...one,
    constraints: rangeCircuit(2)
      .constraints.filter(([a]) => !('y' in a))
      .map(([a, b, c]) => {
        const { y, 'y·low²': low, 'y·high²': high, ...rest } = b as Record<string, number>
        const merged: Record<string, number> = { ...rest }
        if (y !== undefined) merged.one = (merged.one ?? 0) + 16 * y
        if (low !== undefined) merged['low²'] = 16 * low
        if (high !== undefined) merged['high²'] = 16 * high
        return [a, merged, c] as const
      }),
  }
}

function columnValues(first: Values, x: bigint): Values {
  const values: Record<string, bigint> = {}
  for (const limb of ['low', 'high'])
    values[`1/(x−${limb})`] = F.inv(F.create(x - first[limb]! - 16n * first[`${limb}²`]!))
  for (let t = 0; t < ROWS; t++)
    values[`m${t}/(x−${t})`] = F.div(F.create(first[`m${t}`]!), F.create(x - BigInt(t + 16 * t * t)))
  return values
}
