// SPDX-License-Identifier: GPL-3.0-or-later
// A key for Groth16 in two rounds, in the zkey's container. It has its own protocol number, its header also holds the shape and a
// second δ, and one more section holds the first round's part of the C query.
import { FIELD_BYTES } from '../bn254.ts'
import type { Part } from '../parts.ts'
import { POINT_BYTES } from './curve-memory.ts'
import { SetupError } from './errors.ts'
import { bordersOf, shapeFault, type TwoRoundShape } from './two-round-shape.ts'
import {
  circuitHashOf,
  GROTH16_PROTOCOL,
  namedSections,
  protocolOf,
  requireDomain,
  requireFields,
  requireLengths,
  type SectionsOf,
  TWO_ROUND_PROTOCOL,
  ZKEY_SECTION,
  type Zkey,
  type ZkeyHeader,
  type ZkeySection,
  zkeySections,
} from './zkey.ts'

/** `c` is the second round's part of the C query, `commitment` the first's. */
export const TWO_ROUND_SECTION = { ...ZKEY_SECTION, commitment: 11 } as const

export type TwoRoundZkey<P extends Part = Uint8Array> = Omit<Zkey, 'header' | 'sections'> & {
  readonly shape: TwoRoundShape
  /** `publicSignals` is the shape's number: without the challenges. */
  readonly header: ZkeyHeader
  readonly sections: SectionsOf<ZkeySection | 'commitment', P>
}

const WORDS = 5
/** Where alpha begins in the header section. */
export const TWO_ROUND_POINTS_OFFSET = 2 * (4 + FIELD_BYTES) + 4 * WORDS
const HEADER_BYTES = TWO_ROUND_POINTS_OFFSET + 4 * POINT_BYTES.g1.affine + 4 * POINT_BYTES.g2.affine

/**
 * Reads a key; the large sections are views of it, not copies.
 * Throws SetupError `zkey-malformed` for a key of another system, or when anything is missing, truncated or of the wrong length.
 */
export function parseTwoRoundZkey<P extends Part>(file: P, name = 'zkey'): TwoRoundZkey<P> {
  const malformed = (what: string) => new SetupError('zkey-malformed', `${name}: ${what}; run the set-up again`)
  const found = zkeySections(file, malformed)
  const protocol = protocolOf(found)
  if (protocol === GROTH16_PROTOCOL) {
    throw new SetupError(
      'zkey-malformed',
      `${name}: is a key for plain Groth16, not for Groth16 in two rounds (groth16-lookup); use the prover of that system`,
    )
  }
  if (protocol !== TWO_ROUND_PROTOCOL) throw malformed('is not a key for Groth16 in two rounds')
  const sections = namedSections<ZkeySection | 'commitment', P>(found, TWO_ROUND_SECTION, malformed)
  const { header } = sections
  if (header.byteLength !== HEADER_BYTES) {
    throw malformed(`the header has ${header.byteLength} bytes, not ${HEADER_BYTES}`)
  }
  const words = requireFields(header, malformed)
  const view = new DataView(header.buffer, header.byteOffset)
  const [variables, publicSignals, challenges, firstRound, domainSize] = Array.from({ length: WORDS }, (_, i) =>
    view.getUint32(words + 4 * i, true),
  ) as [number, number, number, number, number]
  requireDomain(domainSize, malformed)
  const shape = { publicSignals, challenges, firstRound }
  const fault = shapeFault(shape, variables)
  if (fault !== null) throw malformed(fault)
  const g1 = POINT_BYTES.g1.affine
  const expected = {
    ic: bordersOf(shape).firstRound * g1,
    a: variables * g1,
    b1: variables * g1,
    b2: variables * POINT_BYTES.g2.affine,
    commitment: firstRound * g1,
    c: (variables - bordersOf(shape).secondRound) * g1,
    h: domainSize * g1,
  }
  requireLengths(sections, expected, malformed)
  return { header: { variables, publicSignals, domainSize }, shape, sections, ...circuitHashOf(sections.contributions) }
}
