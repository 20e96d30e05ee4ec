// SPDX-License-Identifier: GPL-3.0-or-later
// The integer network of faces, as the circuit computes it: a picture's embedding, a credential's template, and how near the two are.
import { type Model, modelJson } from '../../learning/index.ts'
import { calibrate, elementCount, type IntegerProgram, importTfjs, interpret, tensorOf } from '../../zkml/index.ts'
import { IdentityError } from './errors.ts'
import { BRIGHTEST, drawFace, FACE_BITS } from './faces.ts'
import { PEOPLE } from './model.ts'

const KNOBS = { weightBits: { default: 6 }, activationBits: { default: 7 }, inputBits: FACE_BITS }
/** Number of pictures, of people of training, that set the scales. */
const CALIBRATION = 200
/** Largest magnitude of an element of a template, which has 8 bits with sign. */
const TEMPLATE_PEAK = 127

/** The square of a cosine, as a fraction. */
export type Nearness = { readonly numerator: number; readonly denominator: number }

/**
 * The least square of the cosine between a picture's embedding and a template, as a fraction. Chosen for a false-match rate of one in a hundred, on
 * people who are neither in training nor in the curve of docs/uses/identity.md.
 */
export const NEARNESS: Nearness = { numerator: 615, denominator: 1000 }

/** The integer program of a face model, its weights constants. */
export function faceProgram({ spec, weights }: Model, seed = 1): IntegerProgram {
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength)
  const graph = importTfjs(JSON.stringify(modelJson({ spec, weights })), () => bytes)
  const samples = Array.from({ length: CALIBRATION }, (_, i) =>
    Float64Array.from(drawFace(seed, i % PEOPLE.train, i), (pixel) => pixel / BRIGHTEST),
  )
  const range = { min: 0, max: 1 }
  return calibrate(graph, samples, { mode: 'released', inputRange: range, knobs: KNOBS }).program
}

/** @throws IdentityError bad-input for anything but the pixels of one picture */
export function requirePicture(pixels: ArrayLike<number>, program: IntegerProgram): Float64Array {
  const expected = elementCount(tensorOf(program, program.input.tensor).shape)
  const top = 2 ** program.input.bits - 1
  if (pixels.length !== expected) {
    throw new IdentityError('bad-input', `picture: ${pixels.length} pixels, expected ${expected}`)
  }
  const bad = Array.from(pixels).findIndex((pixel) => !Number.isInteger(pixel) || pixel < 0 || pixel > top)
  if (bad >= 0) throw new IdentityError('bad-input', `picture: pixel ${bad} is ${pixels[bad]}, not from 0 to ${top}`)
  return Float64Array.from(pixels)
}

/** The embedding of a picture: integers, in units of the circuit. */
export function embeddingOf(program: IntegerProgram, pixels: ArrayLike<number>): Float64Array {
  return interpret(program, requirePicture(pixels, program)).scores
}

/** The template of an embedding, which a credential keeps: its direction, in integers from -127 to 127. */
export function templateOf(embedding: ArrayLike<number>): number[] {
  const values = Array.from(embedding)
  const peak = Math.max(...values.map(Math.abs))
  if (!(peak > 0)) throw new IdentityError('bad-input', 'picture: the network sees nothing in it; take another one')
  return values.map((value) => Math.round((TEMPLATE_PEAK * value) / peak) + 0)
}

/** The template of a picture, or of the mean of several pictures of one person. */
export function enrol(program: IntegerProgram, pictures: readonly ArrayLike<number>[]): number[] {
  const sum: number[] = []
  for (const picture of pictures) {
    const embedding = embeddingOf(program, picture)
    const length = Math.hypot(...embedding)
    for (const [i, value] of embedding.entries()) sum[i] = (sum[i] ?? 0) + value / length
  }
  return templateOf(sum)
}

/** Signed square of the cosine between two vectors; 0 where one is zero. */
export function nearness(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) => Array.from(x).reduce((sum, v, i) => sum + v * y[i]!, 0)
  const both = dot(a, b)
  const lengths = dot(a, a) * dot(b, b)
  return lengths === 0 ? 0 : (Math.sign(both) * both * both) / lengths
}

/** Whether the circuit takes the two for the same person. Computed in integers, so that rounding cannot make a difference. */
export function isNear(a: ArrayLike<number>, b: ArrayLike<number>, { numerator, denominator } = NEARNESS): boolean {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, v, i) => sum + BigInt(v) * BigInt(y[i]!), 0n)
  const both = dot(a, b)
  return both >= 1n && BigInt(denominator) * both * both >= BigInt(numerator) * dot(a, a) * dot(b, b)
}

/** Bits of a bound on the sum of products of embedding and template. */
export function productBits(program: IntegerProgram): number {
  const { shape, bounds } = tensorOf(program, program.scores)
  const largest = Math.max(Math.abs(bounds.min), Math.abs(bounds.max), 1)
  return Math.ceil(Math.log2(largest + 1)) + 7 + Math.ceil(Math.log2(elementCount(shape)))
}
