// SPDX-License-Identifier: GPL-3.0-or-later
// How a proving job gives its witness to provers: for each segment, the input and the salts of its two commitments. Unless it is sealed, anyone can
// read it in the log, so such a job is for inputs that may be public.
//
//   job's witness bytes = 1 ‖ document                       (inline)
//                       | 2 ‖ {"cid": …, "providers": […]}   (the document is a blob of the data plane)
//   each chosen prover's  | 3 ‖ sealed document
//                         | 4 ‖ {"cid": …, "providers": […]}   (the sealed document is a blob)
import { z } from 'zod'
import type { SegmentSample } from '../zkml/index.ts'
import { ServingError } from './errors.ts'

const INLINE = 1
const BY_CID = 2
const SEALED = 3
const SEALED_BY_CID = 4

/** The market's MAX_WITNESS_BYTES. */
export const MAX_WITNESS_BYTES = 16_384
/** Largest document that a prover fetches. */
export const MAX_DOCUMENT_BYTES = 8 << 20
const MOST_PROVIDERS = 8

const salt = z.string().regex(/^0x[0-9a-f]{1,64}$/)
const documentSchema = z.strictObject({
  format: z.literal('cohort-segment-witness'),
  version: z.literal(1),
  segments: z
    .array(
      z.strictObject({
        /** Integers of the segment's program, row-major. */
        input: z.array(z.int()).min(1),
        salts: z.strictObject({ input: salt.optional(), output: salt.optional() }),
      }),
    )
    .min(1)
    .max(64),
})
const referenceSchema = z.strictObject({
  cid: z.string().min(1).max(128),
  providers: z.array(z.string().max(256)).max(MOST_PROVIDERS),
})

export type SegmentWitness = {
  readonly input: Float64Array
  readonly salts: { readonly input?: bigint; readonly output?: bigint }
}

/** Where a document can be found. `providers` are multiaddrs that end in a peer id. */
export type WitnessReference =
  | { readonly document: Uint8Array }
  | { readonly cid: string; readonly providers: readonly string[] }

/** The part of a traced segment that goes into the document. */
type StatedSample = { readonly sample: Pick<SegmentSample['sample'], 'input' | 'salts'> }

/** The document of a traced inference. Model salts stay out of it: a prover has them in its folder, or none. */
export function encodeWitness(samples: readonly StatedSample[]): Uint8Array {
  const hex = (value: bigint | undefined) => (value === undefined ? undefined : `0x${value.toString(16)}`)
  const segments = samples.map(({ sample }) => ({
    input: Array.from(sample.input),
    salts: { input: hex(sample.salts?.input), output: hex(sample.salts?.output) },
  }))
  return new TextEncoder().encode(JSON.stringify({ format: 'cohort-segment-witness', version: 1, segments }))
}

/** @throws ServingError bad-payload naming what does not parse */
export function decodeWitness(bytes: Uint8Array): SegmentWitness[] {
  const { segments } = parse(documentSchema, bytes, 'witness')
  const element = (text: string | undefined) => (text === undefined ? undefined : BigInt(text))
  return segments.map(({ input, salts }) => {
    const [before, after] = [element(salts.input), element(salts.output)]
    return {
      input: Float64Array.from(input),
      salts: { ...(before === undefined ? {} : { input: before }), ...(after === undefined ? {} : { output: after }) },
    }
  })
}

/** The bytes that a job carries. @throws ServingError bad-payload when they are more than the market takes */
export function encodeReference(reference: WitnessReference, sealed = false): Uint8Array {
  const inline = 'document' in reference
  const body = inline ? reference.document : new TextEncoder().encode(JSON.stringify(reference))
  if (body.length >= MAX_WITNESS_BYTES) {
    throw new ServingError(
      'bad-payload',
      `the witness has ${body.length} bytes, a job carries ${MAX_WITNESS_BYTES - 1}: publish it and give its CID`,
    )
  }
  const kind = sealed ? (inline ? SEALED : SEALED_BY_CID) : inline ? INLINE : BY_CID
  return Uint8Array.of(kind, ...body)
}

/** @param sealed Whether the document is sealed to one prover. The two kinds are never interchangeable. @throws ServingError bad-payload */
export function decodeReference(bytes: Uint8Array, sealed = false): WitnessReference {
  const body = bytes.subarray(1)
  const [inline, byCid] = sealed ? [SEALED, SEALED_BY_CID] : [INLINE, BY_CID]
  if (bytes[0] === inline) return { document: body }
  if (bytes[0] === byCid) return parse(referenceSchema, body, 'witness reference')
  throw new ServingError('bad-payload', `witness of kind ${bytes[0] ?? 'none'}: expected ${inline} or ${byCid}`)
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new ServingError('bad-payload', `${what}: no JSON in UTF-8`, { cause })
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new ServingError('bad-payload', `${what}: ${issue?.path.join('.') || 'document'}: ${issue?.message}`)
}
