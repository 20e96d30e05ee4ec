// SPDX-License-Identifier: GPL-3.0-or-later
// The service manifest: one document that says what the members of a service agree on beyond the chain's parameters. It is
// canonical JSON; its SHA-256 is in the service's parameters on the chain and in every key message, and names its blob.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { csvSchemaSchema } from '../learning/index.ts'
import { cidFromDigest } from '../network/index.ts'
import { planSchema } from '../zkml/index.ts'
import { contradictionInPrivacy } from './bounds.ts'
import { CanonicalError, canonicalJson, firstDifference } from './canonical.ts'
import { VersionError } from './errors.ts'
import { contradictionInStrategy, manifestStrategySchema } from './manifest-strategy.ts'
import { roundTermsSchema } from './terms.ts'

const FORMAT = 'cohort/manifest/1'

/** One block of the data plane, so that the digest is the CID; topologies and plans take a few kilobytes. */
export const MAX_MANIFEST_BYTES = 1 << 20

const side = z.int().min(1).max(4096)
const classNames = z
  .array(z.string().min(1).max(200))
  .min(2, 'takes at least 2 names')
  .max(4096)
  .refine((names) => new Set(names).size === names.length, 'names one class twice')

const inputSchema = z.discriminatedUnion('kind', [
  /** Rows, columns and channels of a picture; pixels 0 … 255 are given to the model as 0 … 1. */
  z.strictObject({ kind: z.literal('picture'), shape: z.tuple([side, side, z.int().min(1).max(16)]) }),
  /** The columns of a table in the order in which the model takes them, their scaling, and the column of the label. */
  z.strictObject({
    kind: z.literal('table'),
    shape: z.array(side).min(1).max(3),
    ...csvSchemaSchema.pick({ features: true, label: true, scale: true }).shape,
    delimiter: z.string().length(1),
  }),
])

export const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** For people. */
  name: z.string().min(1).max(64),
  model: z.strictObject({
    /** Of a tfjs LayersModel, without weights. */
    topology: z.strictObject({
      class_name: z.enum(['Sequential', 'Functional', 'Model']),
      config: z.record(z.string(), z.json()),
    }),
    /** Pins the architecture and the order of its parameters, hexadecimal. */
    specHash: z.string().regex(/^[0-9a-f]{64}$/, 'takes 64 hex digits'),
    /** Seed of the weights before the first round. */
    initialSeed: z.int().min(0).max(0xffffffff),
  }),
  input: inputSchema,
  /** What the outputs mean: for a classification, class names in their order. */
  task: z.strictObject({ kind: z.literal('classification'), classes: classNames }),
  /** How members judge a model before they vote. */
  vote: z.strictObject({
    metric: z.literal('accuracy'),
    /** A member votes for a model unless its own hold-out's metric falls by more than this below what earlier ones reached, 0 … 1. */
    tolerance: z.number().min(0).max(1),
    /** Share of each member's samples that is held out to judge on. */
    holdOut: z.number().min(0.01).max(0.5),
  }),
  rounds: roundTermsSchema,
  /** A module of the members' own that makes the next model of the mean, in place of rounds.strategy. */
  strategy: manifestStrategySchema,
  /** How weights become the integers that are committed to and proven; made for this model. */
  plan: planSchema,
})

export type ServiceManifest = z.infer<typeof manifestSchema>

/** The canonical document, as it is hashed and published. */
export function encodeManifest(manifest: ServiceManifest): Uint8Array {
  return new TextEncoder().encode(canonicalJson(manifest))
}

/** SHA-256 of the canonical document. */
export function manifestHash(manifest: ServiceManifest): Uint8Array {
  return createHash('sha256').update(encodeManifest(manifest)).digest()
}

/** The same as the chain has it: 0x and 64 digits. */
export function manifestDigest(manifest: ServiceManifest): string {
  return `0x${Buffer.from(manifestHash(manifest)).toString('hex')}`
}

/** CIDv1 (raw) of the canonical document. */
export function manifestCid(manifest: ServiceManifest): string {
  return cidFromDigest(manifestHash(manifest))
}

/**
 * Reads a manifest; whether its model can be proven is {@link openManifest}'s to say.
 * @param where names the document in errors
 * @param digest 0x…: what the canonical document must hash to
 * @throws VersionError BAD_MANIFEST naming field, value and fix, WRONG_MANIFEST for another digest
 */
export function decodeManifest(bytes: Uint8Array, where = 'manifest', digest?: string): ServiceManifest {
  const bad = (what: string): never => {
    throw new VersionError('BAD_MANIFEST', `${where}: ${what}`)
  }
  if (bytes.length > MAX_MANIFEST_BYTES) bad(`${bytes.length} bytes, at most ${MAX_MANIFEST_BYTES} are allowed`)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    bad(`not JSON in UTF-8 (${(cause as Error).message.split('\n')[0]})`)
  }
  try {
    canonicalJson(json)
  } catch (cause) {
    if (!(cause instanceof CanonicalError)) throw cause
    bad(cause.message)
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) return bad(parsed.error.issues.map(explain).join('; '))
  // What a default would fill in, or a reader would drop, is hashed by one and not by the other.
  const different = firstDifference(json, JSON.parse(canonicalJson(parsed.data)))
  if (different !== null) bad(`${different}: unknown, or left to a default: state it, or leave it out`)
  const wrong = contradictionIn(parsed.data)
  if (wrong !== null) bad(wrong)
  const found = manifestDigest(parsed.data)
  if (digest !== undefined && found !== digest) {
    throw new VersionError(
      'WRONG_MANIFEST',
      `${where}: it hashes to ${found}, the service's manifest to ${digest}: fetch that one (\`cohort keeper init\`)`,
    )
  }
  return parsed.data
}

/** Reads a manifest's file. @throws VersionError NO_MANIFEST, BAD_MANIFEST */
export function readManifestFile(file: string, digest?: string): ServiceManifest {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new VersionError('NO_MANIFEST', `cannot read the manifest ${file}: ${(cause as Error).message}`, { cause })
  }
  return decodeManifest(bytes, file, digest)
}

/** What keys say that are right one by one and do not fit together; null when all do. */
function contradictionIn({ input, plan, rounds, strategy }: ServiceManifest): string | null {
  if (plan.mode !== 'committed') return `plan.mode: ${plan.mode}, a service's weights need committed`
  if (input.kind === 'table') {
    const { features, label, scale, shape } = input
    const values = shape.reduce((product, length) => product * length, 1)
    if (values !== features.length) return `input.shape: [${shape}] for the ${features.length} features of the table`
    if (scale !== undefined && scale.length !== features.length) {
      return `input.scale: ${scale.length} entries for the ${features.length} features of the table`
    }
    if (features.includes(label)) return `input.label: '${label}' is a feature, too`
    if (new Set(features).size !== features.length) return 'input.features: one column is named twice'
  }
  const noise = contradictionInPrivacy(rounds)
  return noise === null ? contradictionInStrategy(strategy, rounds) : `rounds.${noise}`
}

function explain(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return `unknown key ${issue.keys.map((key) => `"${path === '' ? key : `${path}.${key}`}"`).join(', ')}`
  }
  return `${path || 'document'}: ${issue.message}`
}
