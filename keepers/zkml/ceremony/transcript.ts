// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript of a ceremony: a JSON file that passes from hand to hand with the latest key, and is published at the
// end. It holds nothing secret, and everything in it can be checked against the keys.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parseJson } from '../json.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { CeremonyError } from './errors.ts'
import { beaconSchema, circuitFields, hex, nameSchema, powersSchema, when } from './transcript-fields.ts'
import { type TwoRoundStep, type TwoRoundTranscript, twoRoundTranscriptSchema } from './two-round/transcript.ts'

const step = z.strictObject({
  kind: z.enum(['contribution', 'beacon']),
  name: nameSchema,
  /** BLAKE2b-512 of the contribution's public key, as snarkjs prints it. Contributors announce this hash. */
  contributionHash: hex(64),
  /** SHA-256 of the key after this step. */
  zkeySha256: hex(32),
  at: when,
  beacon: beaconSchema.optional(),
})

const schema = z
  .strictObject({
    format: z.literal('cohort-ceremony'),
    version: z.literal(1),
    circuit: z.strictObject(circuitFields),
    powersOfTau: powersSchema,
    /** snarkjs' hash of the circuit's initial key. */
    circuitHash: hex(64),
    initialZkeySha256: hex(32),
    startedAt: when,
    steps: z.array(step),
    final: z.strictObject({ zkeySha256: hex(32), vkHash: hex(32), at: when }).optional(),
  })
  .refine(
    (transcript) => transcript.steps.every((entry) => (entry.kind === 'beacon') === (entry.beacon !== undefined)),
    {
      message: 'a beacon, and only a beacon, states its value',
      path: ['steps'],
    },
  )

/** Of plain Groth16. */
export type PlainTranscript = z.infer<typeof schema>
export type PlainStep = PlainTranscript['steps'][number]
/** Of either system; version 2 is of two rounds. */
export type Transcript = PlainTranscript | TwoRoundTranscript
export type CeremonyStep = PlainStep | TwoRoundStep

export function transcriptPath(folder: string): string {
  return join(folder, 'transcript.json')
}

/** The key after `steps` steps: 0000.zkey is the initial one. */
export function stepPath(folder: string, steps: number): string {
  return join(folder, `${String(steps).padStart(4, '0')}.zkey`)
}

/** Throws CeremonyError `transcript-mismatch` when the file is missing or does not parse. */
export async function readTranscript(folder: string): Promise<Transcript> {
  const path = transcriptPath(folder)
  let json: unknown
  try {
    json = parseJson(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CeremonyError('transcript-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
  const parsed = (namesTwoRounds(json) ? twoRoundTranscriptSchema : schema).safeParse(json)
  if (!parsed.success) throw new CeremonyError('transcript-mismatch', `${path}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export async function writeTranscript(folder: string, transcript: Transcript): Promise<void> {
  const checked = transcript.version === 2 ? twoRoundTranscriptSchema.parse(transcript) : schema.parse(transcript)
  await writeAtomically(transcriptPath(folder), `${JSON.stringify(checked, null, 2)}\n`)
}

function namesTwoRounds(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'version' in json && json.version === 2
}
