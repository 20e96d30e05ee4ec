// SPDX-License-Identifier: GPL-3.0-or-later
// The proof file of the command line: a proof, its public signals, and what they belong to. Nothing in it is secret.
import { z } from 'zod'
import {
  type InferenceProof,
  type PartCommitment,
  type ProofWithSignals,
  parseProof,
  parsePublicSignals,
  proofToJson,
  publicSignalsToJson,
} from '../../zkml/index.ts'
import { parse, readJson } from './samples.ts'
import { badData } from './terminal.ts'

const hex32 = z.string().regex(/^0x[0-9a-f]{64}$/)
/** The visible part of each input or output, where they are shown one by one. */
const parts = z
  .array(
    z.strictObject({
      name: z.string(),
      shown: z.enum(['public', 'committed', 'private']),
      commitment: z
        .string()
        .regex(/^(0|[1-9]\d{0,77})$/)
        .transform(BigInt),
      /** The integers of a public part. */
      values: z.array(z.int()).optional(),
    }),
  )
  .nullable()
const schema = z.strictObject({
  format: z.literal('cohort-proof'),
  version: z.literal(1),
  circuitId: hex32,
  vkHash: hex32,
  setup: z.enum(['local', 'ceremony']),
  /** The prover's statement about the input: the number of values moved to the edge of the calibrated range; null: unknown. */
  clamped: z.int().nonnegative().nullable().optional(),
  parts: z.strictObject({ inputs: parts, outputs: parts }).optional(),
  proof: z.unknown(),
  publicSignals: z.unknown(),
})

export type ProofFile = ProofWithSignals & {
  readonly vkHash: string | null
  readonly circuitId: string | null
  readonly setup: 'local' | 'ceremony' | null
  readonly clamped: number | null
  readonly parts: InferenceProof['parts']
}

const NO_PARTS = { inputs: null, outputs: null }

export function proofFileText(
  made: ProofWithSignals,
  of: {
    readonly circuitId: string
    readonly vkHash: string
    readonly setup: 'local' | 'ceremony'
    readonly clamped?: number | null
    readonly parts?: InferenceProof['parts']
  },
): string {
  const { parts: each = NO_PARTS, ...rest } = of
  const inDecimal = (list: readonly PartCommitment[] | null) =>
    list?.map((part) => ({ ...part, commitment: String(part.commitment) })) ?? null
  const shown = { inputs: inDecimal(each.inputs), outputs: inDecimal(each.outputs) }
  const file = {
    format: 'cohort-proof',
    version: 1,
    ...rest,
    ...(shown.inputs === null && shown.outputs === null ? {} : { parts: shown }),
    proof: proofToJson(made.proof),
    publicSignals: publicSignalsToJson(made.publicSignals),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/** Reads our proof file, or snarkjs' proof.json when its public.json is given too. */
export async function readProofFile(path: string, publicPath?: string): Promise<ProofFile> {
  const json = await readJson(path)
  if (publicPath !== undefined) {
    const publicSignals = parsePublicSignals(await readJson(publicPath))
    return {
      proof: parseProof(json),
      publicSignals,
      vkHash: null,
      circuitId: null,
      setup: null,
      clamped: null,
      parts: NO_PARTS,
    }
  }
  if (json !== null && typeof json === 'object' && 'pi_a' in json) {
    throw badData(`${path} is a proof without its public signals; give them with --public`)
  }
  const {
    proof,
    publicSignals,
    vkHash,
    circuitId,
    setup,
    clamped = null,
    parts: each = NO_PARTS,
  } = parse(schema, json, path)
  return {
    proof: parseProof(proof),
    publicSignals: parsePublicSignals(publicSignals),
    ...{ vkHash, circuitId, setup, clamped },
    parts: each,
  }
}
