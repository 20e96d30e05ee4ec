// SPDX-License-Identifier: GPL-3.0-or-later
// A proof in two rounds, as bigints inside and as JSON outside.
import { z } from 'zod'
import { TWO_ROUND_SYSTEM } from '../verifier/two-round-key.ts'
import type { G1Point, G2Point } from '../verifier/verification-key.ts'
import { g1Schema, g2Schema, type PublicSignals, parseJson } from './proof.ts'

/** `commitment` is C₁, `c` is C₂. */
export type TwoRoundProof = {
  readonly a: G1Point
  readonly b: G2Point
  readonly commitment: G1Point
  readonly c: G1Point
}

export type TwoRoundProofWithSignals = { readonly proof: TwoRoundProof; readonly publicSignals: PublicSignals }

const schema = z
  .object({
    pi_a: g1Schema,
    pi_b: g2Schema,
    pi_c1: g1Schema,
    pi_c2: g1Schema,
    protocol: z.literal(TWO_ROUND_SYSTEM),
    curve: z.enum(['bn128', 'bn254']),
  })
  .transform(({ pi_a, pi_b, pi_c1, pi_c2 }): TwoRoundProof => ({ a: pi_a, b: pi_b, commitment: pi_c1, c: pi_c2 }))

/** Throws ProveError `malformed`, naming the field. Points are not yet checked to be on the curve. */
export function parseTwoRoundProof(json: unknown): TwoRoundProof {
  return parseJson(schema, json, 'proof')
}

export function twoRoundProofToJson({ a, b, commitment, c }: TwoRoundProof): object {
  const point = ([x, y]: G1Point) => [`${x}`, `${y}`, '1']
  return {
    pi_a: point(a),
    pi_b: [b[0].map(String), b[1].map(String), ['1', '0']],
    pi_c1: point(commitment),
    pi_c2: point(c),
    protocol: TWO_ROUND_SYSTEM,
    curve: 'bn128',
  }
}
