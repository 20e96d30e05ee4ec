// SPDX-License-Identifier: GPL-3.0-or-later

/** How many tests passed, failed and were skipped. */
export type Tally = { passed: number; failed: number; skipped: number }

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours are control characters
const COLOURS = /\u001b\[[0-9;]*m/g

const plain = (output: string): string => output.replace(COLOURS, '')

/**
 * Reads the closing counts of a mocha run ("12 passing", "1 failing", "2 pending"), Hardhat's included.
 * Returns null for a run that ended before its summary.
 */
export function tallyOf(output: string): Tally | null {
  const text = plain(output)
  const count = (word: string): number | null => {
    const matches = [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\b`, 'gm'))]
    return matches.length === 0 ? null : matches.reduce((sum, match) => sum + Number(match[1]), 0)
  }
  const passed = count('passing')
  if (passed === null) return null
  return { passed, failed: count('failing') ?? 0, skipped: count('pending') ?? 0 }
}

/** mocha's report of the failed tests, after its counts: names, messages, places. Empty when all passed. */
export function failuresOf(output: string): string {
  const [, ...after] = plain(output).split(/^\s*\d+ failing\b.*$/m)
  return after
    .join('')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

export function addTallies(tallies: Iterable<Tally>): Tally {
  const sum: Tally = { passed: 0, failed: 0, skipped: 0 }
  for (const tally of tallies) {
    sum.passed += tally.passed
    sum.failed += tally.failed
    sum.skipped += tally.skipped
  }
  return sum
}

/** The line that ends every test run. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
