// SPDX-License-Identifier: GPL-3.0-or-later
// Points of Baby Jubjub that tests of its gadgets try: ordinary ones, the base, and all eight of small order.
import { babyjubjub } from '@noble/curves/misc.js'
import { BABY_ORDER, type BabyPoint } from '../../keepers/zkml/circuit/eddsa.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { field } from './gadget.ts'

export const { Point } = babyjubjub
export type CurvePoint = InstanceType<typeof Point>
export const B8 = Point.BASE
/** A generator of the whole curve (EIP-2494), of order 8 l. */
const GENERATOR = Point.fromAffine({
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
})
/** l times the generator: all eight points of small order are its multiples. */
const TORSION = GENERATOR.multiplyUnsafe(BABY_ORDER - 1n).add(GENERATOR)

export const random = seeded(31)
export const anyField = () => field(BigInt(Math.floor(random() * 2 ** 53)) ** 5n)
export const anyScalar = () => (anyField() % (BABY_ORDER - 1n)) + 1n
export const pair = (point: CurvePoint): BabyPoint => [point.toAffine().x, point.toAffine().y]
/** Multiples of the point of order eight; the first is the neutral one. */
export const small = Array.from({ length: 8 }, (_, k) => {
  let sum = Point.ZERO
  for (let i = 0; i < k; i++) sum = sum.add(TORSION)
  return sum
})
export const points = [
  ...small,
  B8,
  B8.negate(),
  ...Array.from({ length: 4 }, () => GENERATOR.multiplyUnsafe(anyScalar())),
]
/** Little-endian. */
export const bitsOf = (value: bigint, count: number) =>
  Array.from({ length: count }, (_, i) => (value >> BigInt(i)) & 1n)
