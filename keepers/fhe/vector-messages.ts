// SPDX-License-Identifier: GPL-3.0-or-later
// The three messages of a round: update, aggregate, decryption share. Of ciphertexts only c0 travels, narrow: c1 is the
// round's own.
import { ByteReader, ByteWriter, equalBytes, HASH_BYTES } from './encoding.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { encodeHeader, KEY_TEST_ROUND, NOBODY, readHeader } from './header.ts'
import { fromBitmap, toBitmap } from './members.ts'
import { readRange } from './message-source.ts'
import { partOf } from './packing.ts'
import type { Plan } from './plan.ts'
import { dataParmsId } from './seal-format.ts'
import { BITMAP_BYTES, type VectorShape } from './sizes.ts'
import type { MessageSource, RoundContext } from './types.ts'
import { sumWords } from './wire-format.ts'

/** The data that a message of a round is bound to, apart from its sender. */
export type RoundFrame = {
  readonly plan: Plan
  readonly context: RoundContext
  readonly keyHash: Uint8Array
  /** How one vector of this round lies in ciphertexts. */
  readonly shape: VectorShape
}

/** The beginning of an update: header · parms_id · key hash. */
export function updatePrefix(frame: RoundFrame, sender: number): Uint8Array {
  return prefix(frame, 'update', sender, dataParmsId(frame.plan.set), frame.keyHash)
}

/** header · parms_id · key hash · contributors */
export function aggregatePrefix(frame: RoundFrame, contributors: readonly number[]): Uint8Array {
  const parmsId = dataParmsId(frame.plan.set)
  return prefix(frame, 'aggregate', NOBODY, parmsId, frame.keyHash, toBitmap(contributors))
}

/** header · key hash · contributors · active set */
export function sharePrefix(
  frame: RoundFrame,
  sender: number,
  contributors: readonly number[],
  activeSet: readonly number[],
): Uint8Array {
  return prefix(frame, 'decryption share', sender, frame.keyHash, toBitmap(contributors), toBitmap(activeSet))
}

/** Bytes of an update's proof in that round; zero for the trial decryption, which has a known plaintext. */
export function proofBytes(frame: Pick<RoundFrame, 'plan' | 'context'>): number {
  return frame.context.round === KEY_TEST_ROUND ? 0 : frame.plan.bytes.shortnessProof
}

/** The parts of an update, as views; coefficients are not checked yet. */
export type UpdateParts = {
  readonly prefix: Uint8Array
  /** c0 of each ciphertext, narrow. */
  readonly ciphertexts: Uint8Array
  /** Empty in the trial decryption. */
  readonly proof: Uint8Array
}

export function readUpdate(frame: RoundFrame, sender: number, bytes: Uint8Array): UpdateParts {
  const reader = new ByteReader(bytes, `update of member ${sender}`)
  readUpdateHead(frame, sender, reader)
  const prefix = bytes.subarray(0, reader.offset)
  const ciphertexts = reader.bytes(narrowBytes(frame), 'ciphertexts')
  const proof = reader.bytes(proofBytes(frame), 'proof')
  reader.end()
  return { prefix, ciphertexts, proof }
}

/** Reads what `updatePrefix` writes. */
export function readUpdateHead(frame: RoundFrame, sender: number, reader: ByteReader): void {
  readHeader(reader, { type: 'update', sender, context: frame.context, planHash: frame.plan.hash })
  readParmsId(reader, frame.plan)
  readKey(reader, frame)
}

/** Contributors and sums of an aggregate, which are not checked yet. */
export function readAggregate(
  frame: RoundFrame,
  bytes: Uint8Array,
): { readonly contributors: readonly number[]; readonly sums: Uint8Array } {
  const reader = new ByteReader(bytes, 'aggregate')
  const contributors = readAggregateHead(frame, reader)
  const sums = reader.bytes(sumBytes(frame), 'sums')
  reader.end()
  return { contributors, sums }
}

/** Reads what `aggregatePrefix` writes: the contributors. */
export function readAggregateHead(frame: RoundFrame, reader: ByteReader): readonly number[] {
  readHeader(reader, { type: 'aggregate', sender: NOBODY, context: frame.context, planHash: frame.plan.hash })
  readParmsId(reader, frame.plan)
  readKey(reader, frame)
  const contributors = fromBitmap(reader.bytes(BITMAP_BYTES, 'contributors'), frame.plan.members, 'contributors')
  if (contributors.length === 0) throw new FheError('no-updates', 'this aggregate says that nobody contributed to it')
  return contributors
}

/** The polynomials h_j of a share, narrow; coefficients are not checked yet. */
export function readShare(
  frame: RoundFrame,
  sender: number,
  contributors: readonly number[],
  activeSet: readonly number[],
  bytes: Uint8Array,
): Uint8Array {
  const reader = new ByteReader(bytes, `decryption share of member ${sender}`)
  readShareHead(frame, { sender, contributors, activeSet }, reader)
  const polynomials = reader.bytes(narrowBytes(frame), 'polynomials')
  reader.end()
  return polynomials
}

/** Reads what `sharePrefix` writes. */
export function readShareHead(
  frame: RoundFrame,
  of: { readonly sender: number; readonly contributors: readonly number[]; readonly activeSet: readonly number[] },
  reader: ByteReader,
): void {
  const { sender, contributors, activeSet } = of
  const what = `decryption share of member ${sender}`
  readHeader(reader, { type: 'decryption share', sender, context: frame.context, planHash: frame.plan.hash })
  readKey(reader, frame)
  const insistOn = (set: readonly number[], field: string, code: 'wrong-contributors' | 'wrong-active-set') => {
    const bitmap = reader.bytes(BITMAP_BYTES, field)
    if (equalBytes(bitmap, toBitmap(set))) return
    const found = fromBitmap(bitmap, 8 * BITMAP_BYTES, field)
    throw new FheError(code, `${what} is for the ${field} ${found}, not ${set}`, { sender, found })
  }
  insistOn(contributors, 'contributors', 'wrong-contributors')
  insistOn(activeSet, 'active set', 'wrong-active-set')
}

/** The sender that a share claims, unverified. */
export function peekSender(bytes: Uint8Array, what: string): number {
  const reader = new ByteReader(bytes, what)
  reader.bytes(6, 'header')
  return reader.u16('sender')
}

/** Bytes of a vector's narrow coefficients. */
export function narrowBytes({ plan, shape }: Pick<RoundFrame, 'plan' | 'shape'>): number {
  return plan.wire.width * shape.carried
}

/** Bytes of sums of them. */
export function sumBytes({ plan, shape }: Pick<RoundFrame, 'plan' | 'shape'>): number {
  return 8 * sumWords(plan.wire) * shape.carried
}

/**
 * Throws 'coefficient-out-of-range' unless every coefficient that came from outside is one modulo Q. An update needs no further
 * check: any coefficients are a valid encryption.
 */
export function insistInRange(engine: Engine, frame: RoundFrame, coefficients: Uint8Array, what: string): void {
  insistChunkInRange(engine, coefficients, { first: 0, count: frame.shape.ciphertexts }, what)
}

/** The same for some ciphertexts. */
export function insistChunkInRange(
  engine: Engine,
  coefficients: Uint8Array,
  { first, count }: { readonly first: number; readonly count: number },
  what: string,
): void {
  const { set, wire } = engine.plan
  for (let i = 0; i < count; i++) {
    if (engine.wire.inRange(partOf(set, coefficients, wire.width, i))) continue
    throw new FheError(
      'coefficient-out-of-range',
      `${what}, ciphertext ${first + i} has a coefficient that is not below Q`,
    )
  }
}

/**
 * Reads the beginning of a message that lies elsewhere. Throws what `read` throws, and 'truncated' or 'trailing-bytes' when the whole
 * message has another length than such messages have.
 */
export async function readHead<T>(
  source: MessageSource,
  of: { readonly what: string; readonly headBytes: number; readonly size: number },
  read: (reader: ByteReader) => T,
): Promise<T> {
  const { what, headBytes, size } = of
  const head = await readRange(source, 0, Math.min(headBytes, source.size), what)
  const found = read(new ByteReader(head, what))
  if (source.size === size) return found
  throw new FheError(
    source.size < size ? 'truncated' : 'trailing-bytes',
    `${what} has ${source.size} bytes; such a message has ${size}`,
    { found: source.size, size },
  )
}

function prefix(
  frame: RoundFrame,
  type: 'update' | 'aggregate' | 'decryption share',
  sender: number,
  ...fields: readonly Uint8Array[]
): Uint8Array {
  const writer = new ByteWriter().bytes(
    encodeHeader({ type, sender, context: frame.context, planHash: frame.plan.hash }),
  )
  for (const field of fields) writer.bytes(field)
  return writer.finish()
}

function readParmsId(reader: ByteReader, plan: Plan): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'parms_id'), dataParmsId(plan.set))) {
    throw new FheError('wrong-parms-id', 'these ciphertexts belong to other encryption parameters')
  }
}

function readKey(reader: ByteReader, frame: RoundFrame): void {
  if (!equalBytes(reader.bytes(HASH_BYTES, 'key hash'), frame.keyHash)) {
    throw new FheError('wrong-key', 'this message belongs to another key, of other dealings')
  }
}
