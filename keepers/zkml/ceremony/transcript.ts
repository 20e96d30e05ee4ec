// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript of a ceremony: a JSON file that passes from hand to hand with the latest key, and is published at the
// end. It holds nothing secret, and everything in it can be checked against the keys.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeAtomically } from '../setup/section-file.ts'
import { CeremonyError } from './errors.ts'

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
const when = z.iso.datetime()

const step = z.strictObject({
  kind: z.enum(['contribution', 'beacon']),
  name: z.string().min(1),
  /** BLAKE2b-512 of the contribution's public key, as snarkjs prints it: what a contributor announces. */
  contributionHash: hex(64),
  /** SHA-256 of the key after this step. */
  zkeySha256: hex(32),
  at: when,
  beacon: z
    .strictObject({
      /** Public randomness that nobody could know when the last contribution was made. */
      value: z.string().regex(/^([0-9a-f]{2}){1,255}$/),
      /** The value is hashed 2^iterationsExponent times. */
      iterationsExponent: z.int().min(10).max(63),
      /** Where the value comes from, such as "Ethereum block 24000000". */
      source: z.string(),
    })
    .optional(),
})

const schema = z
  .strictObject({
    format: z.literal('cohort-ceremony'),
    version: z.literal(1),
    circuit: z.strictObject({
      r1csSha256: hex(32),
      constraints: z.int().positive(),
      variables: z.int().positive(),
      publicSignals: z.int().nonnegative(),
    }),
    powersOfTau: z.strictObject({
      power: z.int().min(1).max(28),
      blake2b: z.string().regex(/^[0-9a-f]{128}$/),
      published: z.boolean(),
    }),
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

export type Transcript = z.infer<typeof schema>
export type CeremonyStep = Transcript['steps'][number]

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
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CeremonyError('transcript-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw new CeremonyError('transcript-mismatch', `${path}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export async function writeTranscript(folder: string, transcript: Transcript): Promise<void> {
  await writeAtomically(transcriptPath(folder), `${JSON.stringify(schema.parse(transcript), null, 2)}\n`)
}
