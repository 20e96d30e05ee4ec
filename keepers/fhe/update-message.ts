// SPDX-License-Identifier: GPL-3.0-or-later
// An update that lies elsewhere: its head and its proof are read whole, its ciphertexts a few at a time.
import { Hasher } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { type Coefficients, chunksOf, readChunk, readRange } from './message-source.ts'
import { partOf, shapeOf } from './packing.ts'
import { decodeProof, PROJECTED, type ShortnessProof } from './shortness-format.ts'
import type { MessageSource, Progress, RoundContext } from './types.ts'
import {
  insistChunkInRange,
  narrowBytes,
  proofBytes,
  type RoundFrame,
  readHead,
  readUpdateHead,
  updatePrefix,
} from './vector-messages.ts'

/** Everything of an update but its ciphertexts, which are not checked yet. */
export type UpdateEnds = {
  readonly prefix: Uint8Array
  /** Null in the trial decryption. */
  readonly shortness: ShortnessProof | null
  readonly proof: Uint8Array
  readonly ciphertexts: Coefficients
}

/** Throws the errors of `checkUpdate`, but for coefficients. */
export async function readEnds(frame: RoundFrame, sender: number, source: MessageSource): Promise<UpdateEnds> {
  const what = `update of member ${sender}`
  const headBytes = updatePrefix(frame, sender).length
  const ends = headBytes + narrowBytes(frame)
  const size = ends + proofBytes(frame)
  await readHead(source, { what, headBytes, size }, (reader) => readUpdateHead(frame, sender, reader))
  const prefix = (await readRange(source, 0, headBytes, what)).slice()
  const proof = (await readRange(source, ends, size, what)).slice()
  const shortness = proof.length === 0 ? null : decodeProof(frame.plan, sender, proof)
  return { prefix, proof, shortness, ciphertexts: { source, start: headBytes, width: frame.plan.wire.width } }
}

/** The hashes of an update whose every coefficient was checked. */
export type UpdateHashes = {
  /** Of all of its bytes. */
  readonly digest: Uint8Array
  /** Of its ciphertexts: a challenge depends on them. */
  readonly projected: Uint8Array
}

/** Reads all ciphertexts once. Throws 'coefficient-out-of-range'. */
export async function readCiphertexts(
  engine: Engine,
  frame: RoundFrame,
  sender: number,
  { prefix, proof, ciphertexts }: UpdateEnds,
  { signal }: Pick<Progress, 'signal'>,
): Promise<UpdateHashes> {
  const what = `update of member ${sender}`
  const [whole, projected] = [new Hasher('update'), new Hasher(PROJECTED)]
  whole.update(prefix)
  for (const chunk of chunksOf(frame.plan.set, frame.shape)) {
    const bytes = await readChunk(ciphertexts, chunk, what)
    projected.update(bytes)
    whole.update(bytes)
    await eachOf(chunk.count, 1, signal === undefined ? {} : { signal }, (i) => {
      const part = partOf(frame.plan.set, bytes, ciphertexts.width, i)
      insistChunkInRange(engine, part, { first: chunk.first + i, count: 1 }, what)
    })
  }
  whole.update(proof)
  return { digest: whole.digest(), projected: projected.digest() }
}

/**
 * `checkUpdate` for an update that is read in pieces. Returns the hash of its bytes, which `claimScalar` takes. Throws what `checkUpdate`
 * throws, and what the source throws.
 */
export async function checkUpdateMessage(
  engine: Engine,
  message: MessageSource,
  expected: Pick<Progress, 'signal'> & {
    readonly context: RoundContext
    readonly sender: number
    readonly keyHash: Uint8Array
  },
): Promise<Uint8Array> {
  const { plan } = engine
  const { context, keyHash, sender } = expected
  const frame = { plan, context, keyHash, shape: shapeOf(plan, context.round) }
  const ends = await readEnds(frame, sender, message)
  return (await readCiphertexts(engine, frame, sender, ends, expected)).digest
}
