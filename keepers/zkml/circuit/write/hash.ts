// SPDX-License-Identifier: GPL-3.0-or-later
// Commitments in circom.
import type { CircomText } from './text.ts'

/** Feeds packed elements, one list after the other, into a commitment, and assigns `target`. */
export function writeCommitment(
  text: CircomText,
  name: string,
  headerValue: bigint,
  packed: readonly { readonly name: string; readonly elements: number }[],
  salt: string,
  target: string,
): void {
  const total = packed.reduce((sum, { elements }) => sum + elements, 0)
  if (total === 0) {
    text.add(
      `component ${name}Hash = CommitmentToNothing(${headerValue});`,
      `${name}Hash.salt <== ${salt};`,
      `${target} <== ${name}Hash.out;`,
    )
    return
  }
  text.add(`component ${name}Hash = Commitment(${headerValue}, ${total});`, `${name}Hash.salt <== ${salt};`)
  let offset = 0
  for (const { name: source, elements } of packed) {
    text.loops([['i', elements]], () => text.add(`${name}Hash.in[${offset} + i] <== ${source}.out[i];`))
    offset += elements
  }
  text.add(`${target} <== ${name}Hash.out;`)
}
