// SPDX-License-Identifier: GPL-3.0-or-later
// The chances of bad draws that docs/adr/0011-sortition.md states, counted again.

import { readFileSync } from 'node:fs'
import { expect } from 'chai'

const CANDIDATES = 1000
const FRACTIONS = [0.1, 0.2, 0.3]

function choose(n: number, k: number): bigint {
  let product = 1n
  for (let i = 1; i <= k; i++) product = (product * BigInt(n - k + i)) / BigInt(i)
  return product
}

/** Chance that at least `least` of `size` drawn are among the `marked` of all candidates: the hypergeometric tail. */
function tail(marked: number, size: number, least: number): number {
  let ways = 0n
  for (let i = least; i <= Math.min(size, marked); i++)
    ways += choose(marked, i) * choose(CANDIDATES - marked, size - i)
  const scale = 10n ** 60n
  return Number((ways * scale) / choose(CANDIDATES, size)) / 1e60
}

/** As the page writes it: two digits. */
function written(chance: number): string {
  return chance >= 0.1 ? chance.toFixed(2) : chance.toExponential(1)
}

describe('the decision about draws', () => {
  const page = readFileSync(new URL('../../../docs/adr/0011-sortition.md', import.meta.url), 'utf8')
  const chances = (size: number, least: number): string =>
    FRACTIONS.map((fraction) => written(tail(fraction * CANDIDATES, size, least))).join(' | ')

  it('states the chances of a draw as they are', () => {
    expect(tail(CANDIDATES, 16, 16)).to.equal(1)
    for (const size of [16, 32, 64]) {
      const quorum = Math.floor((2 * size) / 3) + 1
      const majority = Math.floor(size / 2) + 1
      const row = `| ${size} | ${majority}`
      const line = page.split('\n').find((text) => text.startsWith(row))
      const parts = [chances(size, majority), chances(size, size - quorum + 1), chances(size, quorum)]
      for (const part of parts) expect(line, row).to.include(part)
      const strict = Math.floor((size * 6666) / 10_000) + 1
      expect(page.split('\n').find((text) => text.startsWith(`| ${size} | ${strict}`))).to.include(
        chances(size, strict),
      )
    }
  })
})
