// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over the ciphertexts of a published update. A worker sees only what every member of the service has: ciphertexts and challenges.
import { z } from 'zod'
import type { ClaimSums, ClaimTask } from '../../fhe/index.ts'
import { JobError } from '../errors.ts'
import { decodeFrame, encodeFrame } from '../frame.ts'
import type { JobKind } from '../kind.ts'

const bigints = z
  .array(z.string().regex(/^(0|[1-9]\d{0,19})$/))
  .max(256)
  .transform((texts) => texts.map(BigInt))

const planSchema = z.strictObject({
  set: z.strictObject({
    name: z.string().max(100),
    degree: z
      .int()
      .min(1)
      .max(1 << 16),
    primes: bigints,
    scaleBits: z.int(),
    securityBits: z.union([z.literal(128), z.literal(192), z.literal(256)]),
  }),
  members: z.int(),
  threshold: z.int(),
  vectorLength: z.int(),
  clipBound: z.number(),
  maxWeight: z.number(),
  minTotalWeight: z.number(),
  clipNorm: z.number(),
  roundsPerKey: z.int(),
  decryptionsPerKey: z.int(),
  statisticalBits: z.int(),
  scaleBits: z.int(),
  minPrecisionBits: z.number(),
})

const inputSchema = z.strictObject({ plan: planSchema, from: z.int().min(0), to: z.int().min(1) })
const answerSchema = z.strictObject({ constants: bigints })

export const claims: JobKind<ClaimTask, ClaimSums> = {
  name: 'claims',
  // Enough for 16 ciphertexts of the largest degree; sums are shorter. All answers for an update may be in memory at once.
  mostInput: 16 << 20,
  mostAnswer: 8 << 20,
  attempts: 3,
  pickupMs: 5_000,
  timeoutMs: 120_000,
  laneOf: () => 'claims',
  encodeInput({ plan, planHash, seeds, from, to, ciphertexts }) {
    const { set, ...rest } = plan
    if (typeof set !== 'object') throw new JobError('BAD_MESSAGE', 'a claim needs the whole parameter set of its plan')
    const primes = set.primes.map(String)
    const { projection, round, rho } = seeds
    return encodeFrame({ plan: { ...rest, set: { ...set, primes } }, from, to }, [
      ...[planHash, projection, round, rho, ciphertexts],
    ])
  },
  async decodeInput(bytes) {
    const { fields, parts } = decodeFrame(bytes, inputSchema, 5)
    const [planHash, projection, round, rho, ciphertexts] = parts.map((part) => new Uint8Array(part))
    return {
      ...fields,
      ...{ planHash: planHash!, seeds: { projection: projection!, round: round!, rho: rho! } },
      ciphertexts: ciphertexts!,
    }
  },
  encodeAnswer: ({ constants, weights }) => encodeFrame({ constants: constants.map(String) }, [weights]),
  async decodeAnswer(bytes) {
    // The fhe room checks the sums against its plan, and has some of them computed again.
    const { fields, parts } = decodeFrame(bytes, answerSchema, 1)
    return { constants: fields.constants, weights: new Uint8Array(parts[0]!) }
  },
}
