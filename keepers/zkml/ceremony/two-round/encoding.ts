// SPDX-License-Identifier: GPL-3.0-or-later
// Points between the transcript (hexadecimal, big endian, the imaginary part first as in EIP-197), the files of keys, and the curve.
import { BASE_FIELD, SCALAR_FIELD } from '../../bn254.ts'
import { loadCurve, POINT_BYTES } from '../../setup/curve-memory.ts'

export type Point = Uint8Array
type InG1 = [bigint, bigint]
type InG2 = [[bigint, bigint], [bigint, bigint]]

export async function g1ToHex(point: Point): Promise<string> {
  const { G1 } = await loadCurve()
  return hexOf(G1.toObject(G1.toAffine(point)).slice(0, 2) as InG1)
}

export async function g2ToHex(point: Point): Promise<string> {
  const { G2 } = await loadCurve()
  const [x, y] = G2.toObject(G2.toAffine(point)) as unknown as InG2
  return hexOf([x[1], x[0], y[1], y[0]])
}

/** Null for anything but a point of G1 other than infinity. */
export async function g1FromHex(hex: string): Promise<Point | null> {
  const [x, y] = numbersOf(hex)
  if (x! >= BASE_FIELD || y! >= BASE_FIELD) return null
  const { G1 } = await loadCurve()
  const point = G1.fromObject([x!, y!, 1n])
  return G1.isValid(point) && !(x === 0n && y === 0n) ? point : null
}

/** Null for anything but a point of the group of order r other than infinity. */
export async function g2FromHex(hex: string): Promise<Point | null> {
  const numbers = numbersOf(hex)
  if (numbers.some((value) => value >= BASE_FIELD) || numbers.every((value) => value === 0n)) return null
  const [xi, x, yi, y] = numbers
  const { G2 } = await loadCurve()
  const point = G2.fromObject([
    [x!, xi!],
    [y!, yi!],
    [1n, 0n],
  ])
  return G2.isValid(point) && G2.isZero(G2.timesScalar(point, SCALAR_FIELD)) ? point : null
}

/** A point in the zkey's form. */
export async function toFileForm(group: 'G1' | 'G2', point: Point): Promise<Uint8Array<ArrayBuffer>> {
  const curve = await loadCurve()
  const bytes = new Uint8Array(group === 'G1' ? POINT_BYTES.g1.affine : POINT_BYTES.g2.affine)
  curve[group].toRprLEM(bytes, 0, point)
  return bytes
}

export async function fromFileForm(group: 'G1' | 'G2', bytes: Uint8Array): Promise<Point> {
  return (await loadCurve())[group].fromRprLEM(bytes, 0)
}

function hexOf(numbers: readonly bigint[]): string {
  return `0x${numbers.map((value) => value.toString(16).padStart(64, '0')).join('')}`
}

function numbersOf(hex: string): bigint[] {
  return Array.from({ length: (hex.length - 2) / 64 }, (_, i) => BigInt(`0x${hex.slice(2 + 64 * i, 66 + 64 * i)}`))
}
