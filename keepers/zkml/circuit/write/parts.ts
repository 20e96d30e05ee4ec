// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs or outputs that are shown one by one, in circom: ../parts.ts says what their signal is.
import { type SegmentShape, valuesPerElement } from '../commitment.ts'
import { type PartsDomain, type PlacedPart, partsHeader } from '../parts.ts'
import { writeCommitment } from './hash.ts'
import { header } from './statement.ts'
import type { CircomText } from './text.ts'

/** The public signals of main.ts. */
const TARGETS = { inputs: 'inputCommitment', outputs: 'result' } as const

/**
 * Ranges every part's elements, commits to those that are shown, and to all of these commitments together.
 * @param element the expression of an element's offset from the layout's least value, by the expression of its place
 */
export function writeParts(
  text: CircomText,
  gadgets: Set<string>,
  domain: PartsDomain,
  parts: readonly PlacedPart[],
  layout: SegmentShape,
  element: (index: string) => string,
): void {
  gadgets.add('packing').add('commitment')
  const { bits, min } = layout
  text.add(`signal ${domain}Shown[${parts.length}];`)
  let salts = 0
  for (const [at, { start, count, shown }] of parts.entries()) {
    const name = `${domain}Part${at}`
    text.add(`component ${name}Packed = RangedPack(${count}, ${bits});`)
    text.loops([['i', count]], () => text.add(`${name}Packed.in[i] <== ${element(`${start} + i`)};`))
    const target = `${domain}Shown[${at}]`
    if (shown === 'private') {
      text.add(`${target} <== 0;`)
      continue
    }
    const salt = shown === 'public' ? '0' : `${domain}Salt[${salts++}]`
    const packed = [{ name: `${name}Packed`, elements: Math.ceil(count / valuesPerElement(bits)) }]
    writeCommitment(text, name, header('input', [{ count, bits, min }]), packed, salt, target)
  }
  text.add(`component ${domain}Hash = Commitment(${partsHeader(domain, parts, layout)}, ${parts.length});`)
  text.add(`${domain}Hash.salt <== 0;`)
  text.loops([['i', parts.length]], () => text.add(`${domain}Hash.in[i] <== ${domain}Shown[i];`))
  text.add(`${TARGETS[domain]} <== ${domain}Hash.out;`)
}
