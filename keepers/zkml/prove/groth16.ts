// SPDX-License-Identifier: GPL-3.0-or-later
// The last step of a Groth16 proof: the sums of the queries, blinded (Groth 2016, section 3.1):
//   A = α + Σ w·A + r·δ,  B = β + Σ w·B + s·δ,  C = Σ w·C + Σ h·H + s·A + r·B₁ − rs·δ.
// Fresh r and s make the proof reveal nothing about the witness.
import { FIELD_BYTES } from '../bn254.ts'
import type { Part } from '../parts.ts'
import { loadCurve, POINT_BYTES } from '../setup/curve-memory.ts'
import { HEADER_POINTS_OFFSET, type Zkey } from '../setup/zkey.ts'
import type { G1Point, G2Point } from '../verifier/verification-key.ts'
import type { Proof } from './proof.ts'
import type { PartialSums } from './requests.ts'

export type CurveGroup = Awaited<ReturnType<typeof loadCurve>>['G1']

/** Points of the key's header that blind a proof; affine, Montgomery form. */
export type BlindingPoints = {
  readonly alpha1: Uint8Array
  readonly beta1: Uint8Array
  readonly beta2: Uint8Array
  readonly delta1: Uint8Array
  readonly delta2: Uint8Array
}

/** Partial sums of each query, one from every thread. */
export type QuerySums = Readonly<Record<'a' | 'b1' | 'b2' | 'c' | 'h', readonly PartialSums[]>>

export function headerPoints({ sections: { header } }: Zkey<Part>): BlindingPoints {
  const [g1, g2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
  let at = HEADER_POINTS_OFFSET
  const take = (length: number) => {
    at += length
    return header.slice(at - length, at)
  }
  const [alpha1, beta1, beta2] = [take(g1), take(g1), take(g2)]
  take(g2) // γ is of no use to a prover
  return { alpha1, beta1, beta2, delta1: take(g1), delta2: take(g2) }
}

/**
 * r and s: 32 bytes little endian, uniform below the group order, never used twice. Overwritten here. `correction` is a point added
 * to C: it cancels the blinding of the commitment of a proof in two rounds.
 */
export async function blindProof(
  points: BlindingPoints,
  sums: QuerySums,
  r: Uint8Array,
  s: Uint8Array,
  correction?: Uint8Array,
): Promise<Proof> {
  const { G1, G2, Fr } = await loadCurve()
  const [alpha, beta1, delta1] = [points.alpha1, points.beta1, points.delta1].map((p) => G1.fromRprLEM(p, 0))
  const [beta2, delta2] = [points.beta2, points.delta2].map((p) => G2.fromRprLEM(p, 0))
  const [rFr, sFr] = [Fr.fromRprLE(r, 0, FIELD_BYTES), Fr.fromRprLE(s, 0, FIELD_BYTES)]

  const a = G1.add(G1.add(alpha!, total(G1, sums.a)), G1.timesFr(delta1!, rFr))
  const b = G2.add(G2.add(beta2!, total(G2, sums.b2)), G2.timesFr(delta2!, sFr))
  const b1 = G1.add(G1.add(beta1!, total(G1, sums.b1)), G1.timesFr(delta1!, sFr))
  let c = total(G1, [...sums.c, ...sums.h])
  c = G1.add(c, G1.timesFr(a, sFr))
  c = G1.add(c, G1.timesFr(b1, rFr))
  c = G1.add(c, G1.timesFr(delta1!, Fr.neg(Fr.mul(rFr, sFr))))
  if (correction !== undefined) c = G1.add(c, correction)
  for (const secret of [r, s, rFr, sFr]) secret.fill(0)

  const inG1 = (point: Uint8Array) => affine(G1, point)
  const inG2 = (point: Uint8Array) => G2.toObject(G2.toAffine(point)).slice(0, 2) as unknown as G2Point
  return { a: inG1(a), b: inG2(b), c: inG1(c) }
}

export function affine(group: CurveGroup, point: Uint8Array): G1Point {
  return group.toObject(group.toAffine(point)).slice(0, 2) as unknown as G1Point
}

/** Σ 2^bit·point, by doubling from the highest bit down. */
export function total(group: CurveGroup, parts: readonly PartialSums[]): Uint8Array {
  const terms = parts.flatMap(({ bits, points }) => {
    const size = points.byteLength / bits.length
    return bits.map((bit, i) => ({ bit, point: points.subarray(i * size, (i + 1) * size) }))
  })
  terms.sort((x, y) => y.bit - x.bit)
  let sum = group.zero
  let at = terms[0]?.bit ?? 0
  for (const { bit, point } of terms) {
    for (; at > bit; at--) sum = group.double(sum)
    sum = group.add(sum, point)
  }
  for (; at > 0; at--) sum = group.double(sum)
  return sum
}
