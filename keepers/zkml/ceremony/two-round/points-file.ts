// SPDX-License-Identifier: GPL-3.0-or-later
// The part of a key that a step of a ceremony in two rounds changes: both δ and the points over them. Everything else of the key follows
// from the circuit and the powers of tau, and is computed when the ceremony ends.
import { readFile } from 'node:fs/promises'
import { BASE_FIELD, FIELD_BYTES } from '../../bn254.ts'
import { sectionsOf } from '../../sections.ts'
import { POINT_BYTES } from '../../setup/curve-memory.ts'
import { sha256 } from '../../setup/metadata.ts'
import { SectionFileWriter } from '../../setup/section-file.ts'
import { bordersOf, shapeFault, type TwoRoundShape } from '../../setup/two-round-shape.ts'
import { CeremonyError } from '../errors.ts'

/** The size of a circuit in two rounds. */
export type KeySize = { readonly shape: TwoRoundShape; readonly variables: number; readonly domainSize: number }

/** Points in the zkey's form. */
export type DeltaPoints = { readonly g1: Uint8Array; readonly g2: Uint8Array }

export type StepPoints = {
  readonly size: KeySize
  /** δ₁, of the commitment, and δ₂, of the second round and H. */
  readonly deltas: readonly [DeltaPoints, DeltaPoints]
  /** K/δ₁ for the wires of the first round. */
  readonly commitment: Uint8Array
  /** K/δ₂ for the second round's. */
  readonly c: Uint8Array
  /** The H query over δ₂. */
  readonly h: Uint8Array
}

/** The parts that hold many points, and which δ they are over. */
export const POINT_LISTS = { commitment: 0, c: 1, h: 1 } as const
export type PointList = keyof typeof POINT_LISTS

const FORMAT = { type: 'ph2l', version: 1 }
const SECTION = { header: 1, commitment: 2, c: 3, h: 4 } as const
const WORDS = 5
const { affine: G1 } = POINT_BYTES.g1
const { affine: G2 } = POINT_BYTES.g2
const HEADER_BYTES = 4 * WORDS + 2 * (G1 + G2)

/** Writes the file whole or not at all. */
export async function writeStepPoints(path: string, points: StepPoints): Promise<void> {
  const writer = await SectionFileWriter.create(path, FORMAT.type, FORMAT.version, Object.keys(SECTION).length)
  try {
    await writer.section(SECTION.header, headerPieces(points))
    for (const list of Object.keys(POINT_LISTS) as PointList[]) await writer.section(SECTION[list], [points[list]])
    await writer.commit()
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/**
 * Reads a step's file and checks its frame, its lengths and the range of every coordinate; whether the points are the right ones is up to
 * the verification. Throws CeremonyError `transcript-mismatch`, also for a file with an unexpected SHA-256. The returned points come from
 * the hashed bytes, whatever happens to the file in the meantime.
 */
export async function readStepPoints(path: string, expectedSha256?: string): Promise<StepPoints> {
  const malformed = (what: string) =>
    new CeremonyError('transcript-mismatch', `${path}: ${what}; get the file again from whoever made this step`)
  const file = await readFile(path).catch((error: Error) => {
    throw malformed(`the points are missing: ${error.message}`)
  })
  if (expectedSha256 !== undefined && sha256(file) !== expectedSha256) {
    throw malformed(`has SHA-256 ${sha256(file)}, the transcript says ${expectedSha256}`)
  }
  const sections = sectionsOf(file, FORMAT, malformed)
  const section = (name: keyof typeof SECTION, length: number) => {
    const bytes = sections.get(SECTION[name])
    if (bytes === undefined) throw malformed(`section ${SECTION[name]} (${name}) is missing`)
    if (bytes.byteLength !== length) throw malformed(`section ${name} has ${bytes.byteLength} bytes, not ${length}`)
    return bytes
  }
  const header = section('header', HEADER_BYTES)
  const view = new DataView(header.buffer, header.byteOffset)
  const [variables, publicSignals, challenges, firstRound, domainSize] = Array.from({ length: WORDS }, (_, i) =>
    view.getUint32(4 * i, true),
  ) as [number, number, number, number, number]
  const shape = { publicSignals, challenges, firstRound }
  const fault = shapeFault(shape, variables)
  if (fault !== null) throw malformed(fault)
  const lengths = listLengths({ shape, variables, domainSize })
  const lists = {
    commitment: section('commitment', lengths.commitment * G1),
    c: section('c', lengths.c * G1),
    h: section('h', lengths.h * G1),
  }
  for (const [name, bytes] of Object.entries({ header: header.subarray(4 * WORDS), ...lists })) {
    if (!inRange(bytes)) throw malformed(`${name} has a coordinate that is not below the field's order`)
  }
  const deltaAt = (at: number) => ({ g1: header.subarray(at, at + G1), g2: header.subarray(at + G1, at + G1 + G2) })
  const deltas = [deltaAt(4 * WORDS), deltaAt(4 * WORDS + G1 + G2)] as const
  return { size: { shape, variables, domainSize }, deltas, ...lists }
}

/** How many points each list has. */
export function listLengths({ shape, variables, domainSize }: KeySize): Record<PointList, number> {
  return { commitment: shape.firstRound, c: variables - bordersOf(shape).secondRound, h: domainSize }
}

function* headerPieces({ size, deltas }: StepPoints): Generator<Uint8Array> {
  const { publicSignals, challenges, firstRound } = size.shape
  yield words(size.variables, publicSignals, challenges, firstRound, size.domainSize)
  for (const { g1, g2 } of deltas) yield* [g1, g2]
}

/** Little-endian 32-bit words. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true)
  return bytes
}

const ORDER = Array.from({ length: 4 }, (_, i) => BigInt.asUintN(64, BASE_FIELD >> BigInt(64 * i)))

function inRange(points: Uint8Array): boolean {
  const view = new DataView(points.buffer, points.byteOffset, points.byteLength)
  for (let at = 0; at < points.byteLength; at += FIELD_BYTES) {
    let below = false
    for (let k = 3; k >= 0 && !below; k--) {
      const word = view.getBigUint64(at + 8 * k, true)
      if (word > ORDER[k]!) return false
      below = word < ORDER[k]!
    }
    if (!below) return false
  }
  return true
}
