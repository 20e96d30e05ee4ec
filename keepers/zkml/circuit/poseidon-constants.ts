// SPDX-License-Identifier: GPL-3.0-or-later
// The constants of Poseidon that a circuit needs. circomlib's file has those of all sixteen widths, two megabytes that circom would
// read each time and copy into every program of witnesses; a circuit hashes in three or four widths.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** Elements that a link of a commitment's chain takes beside the state: circuits/lib/commitment.circom. */
const BLOCK = 15

/** Inputs of the permutations that gadgets instantiate themselves: EddsaPoseidon, SignedCommitment, CommitmentToNothing. */
const OF_GADGETS = [2, 5]

/**
 * Numbers of inputs of the permutations in a source, as far as it says them: gadgets', `Commitment(header, n)` and `Poseidon(n)`
 * with literal n.
 */
export function poseidonInputs(source: string): Set<number> {
  const found = new Set(OF_GADGETS)
  for (const [, inputs] of source.matchAll(/\bPoseidon\(\s*(\d+)\s*\)/g)) found.add(Number(inputs))
  for (const [, count] of source.matchAll(/\bCommitment\(\s*\d+\s*,\s*(\d+)\s*\)/g)) {
    const elements = Number(count) + 1
    if (elements >= BLOCK) found.add(BLOCK + 1)
    if (elements % BLOCK > 0) found.add((elements % BLOCK) + 1)
  }
  return found
}

/** circomlib's file. */
export function poseidonConstants(): string {
  const path = createRequire(import.meta.url).resolve('circomlib/circuits/poseidon_constants.circom')
  return readFileSync(path, 'utf8')
}

/**
 * The same functions with only the requested widths. For other widths they fail an assertion in circom, so that no circuit can be made from
 * missing constants. Leaves text that it does not understand unchanged.
 * @param inputs numbers of inputs, one less than the widths
 */
export function withoutOtherWidths(constants: string, inputs: ReadonlySet<number>): string {
  const [head, ...functions] = constants.split(/^(?=function )/m)
  return [head, ...functions.map((text) => ofWidths(text, inputs))].join('')
}

/** A chain of `if (t == width) { return […]; } else …`; the last branch refuses. */
function ofWidths(text: string, inputs: ReadonlySet<number>): string {
  const signature = /^function \w+\(t\) \{\n/.exec(text)
  const last = text.lastIndexOf(' else {')
  if (signature === null || last === -1 || !/assert\(0\);/.test(text.slice(last))) return text
  const branches = [...text.slice(0, last).matchAll(/if ?\(t ?== ?(\d+)\) \{.*?\n {4}\}/gs)]
  const kept = branches.filter(([, width]) => inputs.has(Number(width) - 1)).map(([branch]) => branch)
  if (kept.length === 0) return text
  return `${signature[0]}    ${kept.join(' else ')}${text.slice(last)}`
}
