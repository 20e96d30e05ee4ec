// SPDX-License-Identifier: GPL-3.0-or-later
// Salted, packed Poseidon commitments to lists of small integers: an agent computes off-chain, to the last bit, the same as the
// circuit.
//
//   commitment = chain(header, [salt, e₁, e₂, …])      chain: see poseidon.ts
//   header     = chain(domain, [number of segments, then count, bits, min of each, then what else the domain fixes])
//   eⱼ         = Σᵢ 2^(bits·i) · (vᵢ − min) over the next ⌊253 / bits⌋ values of a segment; a segment starts a new element
//
// A model's header fixes its architecture beside the layout (architecture.ts); one without weights is salt and header alone.
// The header fixes the layout, so two commitments of different shapes never meet; injective because every packed value is
// range-checked. The salt hides values of low entropy (a picture of a digit can be guessed): 128 random bits or more.
import { SCALAR_FIELD } from '../bn254.ts'
import type { Parameter } from '../graph/layers.ts'
import { type IntegerProgram, programParameters } from '../graph/program.ts'
import { architectureOf } from './architecture.ts'
import { CircuitError } from './errors.ts'
import { poseidonChain } from './poseidon.ts'

/** Bits of an element that packing may fill: 2^253 < r. */
export const PACKING_BITS = 253

/** `values[i]` is an integer, min ≤ values[i] < min + 2^bits; 1 ≤ bits ≤ 53. */
export type Segment = { readonly values: ArrayLike<number>; readonly bits: number; readonly min: number }

/** The layout of a segment, without its values. */
export type SegmentShape = { readonly count: number; readonly bits: number; readonly min: number }

/** The content of a commitment. Each domain has its own tag, so that no commitment passes for one of another kind. */
export type CommitmentDomain = 'model' | 'input' | 'output' | 'batch' | 'inputs' | 'outputs' | 'samples'

const TAGS: Readonly<Record<CommitmentDomain, bigint>> = {
  model: asciiNumber('cohort/model/2'),
  input: asciiNumber('cohort/input/2'),
  output: asciiNumber('cohort/output/2'),
  batch: asciiNumber('cohort/batch/2'),
  inputs: asciiNumber('cohort/inputs/1'),
  outputs: asciiNumber('cohort/outputs/1'),
  samples: asciiNumber('cohort/samples/1'),
}

/** How many values of `bits` bits share one field element. */
export function valuesPerElement(bits: number): number {
  return Math.floor(PACKING_BITS / bits)
}

/** The constant that starts a commitment: domain, layout, and everything else that the domain fixes. */
export function commitmentHeader(
  domain: CommitmentDomain,
  shapes: readonly SegmentShape[],
  fixed: readonly bigint[] = [],
): bigint {
  const layout = shapes.flatMap(({ count, bits, min }) => [BigInt(count), BigInt(bits), toField(BigInt(min))])
  return poseidonChain(TAGS[domain], [BigInt(shapes.length), ...layout, ...fixed])
}

/** @throws CircuitError `value-out-of-range` naming the segment, the index and the value. */
export function packSegments(segments: readonly Segment[]): bigint[] {
  const elements: bigint[] = []
  for (const [index, { values, bits, min }] of segments.entries()) {
    if (!Number.isInteger(bits) || bits < 1 || bits > 53) {
      throw new CircuitError('wrong-input', `segment ${index}: ${bits} bits, must be 1 to 53`)
    }
    const perElement = valuesPerElement(bits)
    const span = 2 ** bits
    for (let start = 0; start < values.length; start += perElement) {
      let element = 0n
      for (let i = Math.min(start + perElement, values.length) - 1; i >= start; i--) {
        const offset = values[i]! - min
        if (!Number.isInteger(offset) || offset < 0 || offset >= span) {
          throw new CircuitError(
            'value-out-of-range',
            `segment ${index}, value ${i}: ${values[i]} is not an integer in [${min}, ${min + span - 1}]; clip it or give it more bits`,
          )
        }
        element = (element << BigInt(bits)) | BigInt(offset)
      }
      elements.push(element)
    }
  }
  return elements
}

/** Commitment to several segments under one salt. @throws CircuitError for a value out of range or a bad salt. */
export function commitSegments(
  domain: CommitmentDomain,
  segments: readonly Segment[],
  salt: bigint,
  fixed: readonly bigint[] = [],
): bigint {
  requireField(salt, 'salt')
  const shapes = segments.map(({ values, bits, min }) => ({ count: values.length, bits, min }))
  return poseidonChain(commitmentHeader(domain, shapes, fixed), [salt, ...packSegments(segments)])
}

/** Signed weights of `bits` bits: [−2^(bits−1), 2^(bits−1) − 1]. */
export function parameterSegment({ values, bits, added = 0 }: Parameter): Segment {
  return { values: added === 0 ? values : values.map((value) => value - added), bits, min: -(2 ** (bits - 1)) }
}

/** Commitment to a list of parameters, each with its own bits, in the order given, as for an architecture. */
export function commitWeights(parameters: readonly Parameter[], salt: bigint, architecture: bigint): bigint {
  return commitSegments('model', parameters.map(parameterSegment), salt, [requireField(architecture, 'architecture')])
}

/** The model commitment of a program: its architecture and its parameters in commitment order. The same number in both modes. */
export function commitModel(program: IntegerProgram, salt: bigint): bigint {
  return commitWeights(
    programParameters(program).map(({ parameter }) => parameter),
    salt,
    architectureOf(program),
  )
}

/** Commitment to one input, as the circuit of a program with that input specification computes it. */
export function commitInput(
  values: ArrayLike<number>,
  spec: { readonly bits: number; readonly min?: number },
  salt: bigint,
): bigint {
  return commitSegments('input', [{ values, bits: spec.bits, min: spec.min ?? 0 }], salt)
}

/** A salt from the system's random generator: 31 bytes, a field element without any bias. */
export function randomSalt(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(31))
  let salt = 0n
  for (const byte of bytes) salt = (salt << 8n) | BigInt(byte)
  return salt
}

/** @throws CircuitError `wrong-input` unless 0 ≤ value < r. */
export function requireField(value: bigint, name: string): bigint {
  // Pages and other callers in JavaScript hand in what JSON gave them: a string compares like a number, and hashes to nothing.
  if (typeof value !== 'bigint' || value < 0n || value >= SCALAR_FIELD) {
    throw new CircuitError('wrong-input', `${name} is not a field element: must be a bigint, 0 ≤ ${name} < r`)
  }
  return value
}

/** The field element of an integer of any sign. */
export function toField(value: bigint): bigint {
  const remainder = value % SCALAR_FIELD
  return remainder < 0n ? remainder + SCALAR_FIELD : remainder
}

function asciiNumber(text: string): bigint {
  let value = 0n
  for (const byte of new TextEncoder().encode(text)) value = (value << 8n) | BigInt(byte)
  return value
}
