// SPDX-License-Identifier: GPL-3.0-or-later
// The service manifest: one document with everything that a service's members agree on beyond the chain's parameters. It is
// canonical JSON; its SHA-256 is in the service's parameters on the chain and in every key message, and names its blob.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { parseJson } from '../learning/index.ts'
import { cidFromDigest } from '../network/index.ts'
import { planSchema } from '../zkml/index.ts'
import { contradictionInPrivacy } from './bounds.ts'
import { CanonicalError, canonicalJson, firstDifference } from './canonical.ts'
import { VersionError } from './errors.ts'
import { contradictionInInput, inputSchema } from './input.ts'
import { startSchema } from './manifest-start.ts'
import { contradictionInStrategy, manifestStrategySchema } from './manifest-strategy.ts'
import { FIRST_PROTOCOL, requireProtocol } from './protocol.ts'
import { contradictionInTask, taskSchema, voteSchema } from './task.ts'
import { roundTermsSchema } from './terms.ts'

const FORMAT = 'cohort/manifest/1'

/** One block of the data plane, so that the digest is the CID; topologies and plans take a few kilobytes. */
export const MAX_MANIFEST_BYTES = 1 << 20

export const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** The protocol that the members use; see protocol.ts. */
  protocol: z.int().min(1).max(0xffff).optional(),
  /** Name for display. */
  name: z.string().min(1).max(64),
  model: z.strictObject({
    /** Of a tfjs LayersModel, without weights. */
    topology: z.strictObject({
      class_name: z.enum(['Sequential', 'Functional', 'Model']),
      config: z.record(z.string(), z.json()),
    }),
    /** Pins the architecture and the order of its parameters, hexadecimal. */
    specHash: z.string().regex(/^[0-9a-f]{64}$/, 'takes 64 hex digits'),
    /** Seed of the weights before the first round, unless `weights` names them. */
    initialSeed: z.int().min(0).max(0xffffffff),
    /** A file of the weights before the first round. */
    weights: startSchema,
  }),
  input: inputSchema,
  /** The meaning of the outputs, and the loss. */
  task: taskSchema,
  /** How members judge a model before they vote. */
  vote: voteSchema,
  rounds: roundTermsSchema,
  /** A module of the service's own that computes the next model from the mean, in place of rounds.strategy. */
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
  return sha256(encodeManifest(manifest))
}

/** The hash as the chain has it: 0x and 64 digits. */
export function manifestDigest(manifest: ServiceManifest): string {
  return `0x${bytesToHex(manifestHash(manifest))}`
}

/** CIDv1 (raw) of the canonical document. */
export function manifestCid(manifest: ServiceManifest): string {
  return cidFromDigest(manifestHash(manifest))
}

/**
 * Reads a manifest. Does not check whether its model can be proven; {@link openManifest} does.
 * @param where names the document in errors
 * @param digest 0x…: the SHA-256 that the canonical document must have
 * @throws VersionError BAD_MANIFEST naming field, value and fix, PROTOCOL when this release cannot serve with its members,
 * WRONG_MANIFEST for another digest
 */
export function decodeManifest(bytes: Uint8Array, where = 'manifest', digest?: string): ServiceManifest {
  const bad = (what: string): never => {
    throw new VersionError('BAD_MANIFEST', `${where}: ${what}`)
  }
  if (bytes.length > MAX_MANIFEST_BYTES) bad(`${bytes.length} bytes, at most ${MAX_MANIFEST_BYTES} are allowed`)
  let json: unknown
  try {
    json = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    bad(`not JSON in UTF-8 (${(cause as Error).message.split('\n')[0]})`)
  }
  try {
    canonicalJson(json)
  } catch (cause) {
    if (!(cause instanceof CanonicalError)) throw cause
    bad(cause.message)
  }
  // Checked first, because a newer protocol's manifest may contain keys that this release does not know.
  const { protocol } = z.object({ protocol: manifestSchema.shape.protocol }).catch({ protocol: undefined }).parse(json)
  requireProtocol(protocol, { where })
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) return bad(parsed.error.issues.map(explain).join('; '))
  // A key that a default adds, or that the parser drops, would be in one hash and not in the other.
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

/** A contradiction between keys that are each valid; null if there is none. */
function contradictionIn({ protocol, input, task, vote, plan, rounds, strategy }: ServiceManifest): string | null {
  if (protocol === FIRST_PROTOCOL)
    return `protocol: ${FIRST_PROTOCOL} is what a manifest without it means: leave it out`
  if (plan.mode !== 'committed') return `plan.mode: ${plan.mode}, a service's weights need committed`
  const wrong = contradictionInInput(input) ?? contradictionInTask(task, vote, plan.output)
  if (wrong !== null) return wrong
  if (task.kind !== 'classification' && input.kind === 'picture') {
    return `task.kind: ${task.kind}, of pictures only classes can be told apart so far`
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
