// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript of a ceremony in two rounds. Unlike a plain one, it holds the proofs itself: the chain of both δ can be checked from this
// file alone.
import { z } from 'zod'
import { beaconSchema, circuitFields, hex, nameSchema, powersSchema, when } from '../transcript-fields.ts'

const delta = z.strictObject({
  /** δ after the step, 64 and 128 bytes. */
  g1: hex(64),
  g2: hex(128),
  /** Schnorr's proof in G2 that the factor was known; a beacon's is public. */
  proof: z.strictObject({ commitment: hex(128), response: hex(32) }).optional(),
})

const step = z.strictObject({
  kind: z.enum(['contribution', 'beacon']),
  name: nameSchema,
  /** BLAKE2b-512 of this step and of everything before it. Contributors announce this hash. */
  contributionHash: hex(64),
  /** SHA-256 of the step's file of points. */
  pointsSha256: hex(32),
  at: when,
  /** δ₁ and δ₂. */
  deltas: z.tuple([delta, delta]),
  beacon: beaconSchema.optional(),
})

export const twoRoundTranscriptSchema = z
  .strictObject({
    format: z.literal('cohort-ceremony'),
    version: z.literal(2),
    system: z.literal('groth16-lookup'),
    circuit: z.strictObject({
      ...circuitFields,
      /** How the wires are divided; `publicSignals` is without the challenges. */
      challenges: z.int().positive(),
      firstRound: z.int().positive(),
    }),
    powersOfTau: powersSchema,
    /** Of circuit, division, powers and initial points. */
    circuitHash: hex(64),
    initialPointsSha256: hex(32),
    startedAt: when,
    steps: z.array(step),
    final: z.strictObject({ zkeySha256: hex(32), vkHash: hex(32), at: when }).optional(),
  })
  .refine(({ steps }) => steps.every(({ kind, beacon }) => (kind === 'beacon') === (beacon !== undefined)), {
    message: 'a beacon, and only a beacon, states its value',
    path: ['steps'],
  })
  .refine(
    ({ steps }) =>
      steps.every(({ kind, deltas }) => deltas.every(({ proof }) => (kind === 'beacon') === (proof === undefined))),
    {
      message: 'a contribution, and only a contribution, proves its factors',
      path: ['steps'],
    },
  )

export type TwoRoundTranscript = z.infer<typeof twoRoundTranscriptSchema>
export type TwoRoundStep = TwoRoundTranscript['steps'][number]
