// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { ROUND_TIMES } from '../agent/index.ts'
import { USUAL_TERMS } from '../versions/index.ts'
import { MEASURED_COSTS } from './costs.ts'
import { CHAINS, NETWORKS, PROTOCOL, WINDOWS } from './presets.ts'

/** A service cannot be simulated with these settings; the message names the field, its value and the fix. */
export class SizingError extends Error {
  override readonly name = 'SizingError'
  readonly code = 'BAD_SETTINGS'
}

/** Seats of a service: sets of them are 256-bit bitmaps. */
const MAX_KEEPERS = 256

const { minTotalSamples: _, ...termsOfAny } = USUAL_TERMS
/** Least samples per keeper in a round, unless the terms say otherwise. */
const SAMPLES_EACH = 100

const part = z.number().min(0).max(1)
const seconds = z.number().min(0).max(1e7)
const bits = z.number().min(1_000).max(1e12)
const window = z.number().min(1).max(1e8)
const cost = z.strictObject({ fixed: seconds, each: seconds })

export const serviceSettingsSchema = z.strictObject({
  /** Members of the service. */
  keepers: z.int().min(4).max(MAX_KEEPERS, `a service has ${MAX_KEEPERS} seats: run several, with chain.services`),
  rounds: z.int().min(1).max(10_000).default(3),
  /** Parameters of the model. */
  parameters: z.int().min(1).max(100_000_000).default(2_202),
  /** Basis points of the members that it takes to decrypt. */
  decryptionBps: z.int().min(5_000).max(6_666).default(5_000),
  /** Sums that are decrypted under the keys of an epoch. */
  decryptionsPerEpoch: z.int().min(1).max(4_096).default(32),
  terms: z
    .strictObject({
      clipBound: z.number().positive().max(64),
      clipNorm: z.number().positive().max(10_000),
      maxSamples: z.int().min(1).max(10_000_000),
      /** By default 100 for each keeper: with the usual 1,000 in all, a sum of some hundred keepers would have too few bits. */
      minTotalSamples: z.int().min(1).optional(),
      statisticalBits: z.int().min(30).max(160),
    })
    .default(termsOfAny),
  /** Updates with which Training ends without waiting for slower members; below, versions that an update may be behind. 0: it waits for all. */
  buffer: z.int().min(0).max(255).default(0),
  maxStaleness: z.int().min(0).max(7).default(0),
  /** Sums by slices (`network.slices`). */
  slices: z.boolean().default(false),
  network: z
    .strictObject({ delay: z.number().min(0).max(10_000), up: bits, down: bits, loss: z.number().min(0).max(0.5) })
    .default(NETWORKS.fibre),
  protocol: z
    .strictObject({
      ...{ dial: z.number().min(0).max(100), blob: z.number().min(0).max(100), level: z.number().min(0).max(100) },
      ...{
        part: z.number().min(0).max(100),
        again: z.number().min(0).max(100),
        kept: seconds,
        idle: seconds,
        dialBytes: z.number().min(0),
        askBytes: z.number().min(0),
      },
    })
    .default(PROTOCOL),
  chain: z
    .strictObject({
      ...{ blockSeconds: z.number().min(0).max(3_600), blockGas: z.number().min(1e6).max(1e12) },
      ...{ taken: part, services: z.int().min(1).max(10_000), confirmations: z.int().min(1).max(64) },
      ...{ finalitySeconds: seconds, requestSeconds: seconds, gasGwei: z.number().min(0) },
    })
    .default(CHAINS.ethereum),
  windows: z
    .strictObject({ training: window, reveal: window, aggregate: window, decrypt: window, vote: window })
    .default(WINDOWS.sepolia),
  machine: z
    .strictObject({
      /** Cores of one keeper's machine; with `shared`, of the machine that all keepers share. */
      cores: z.number().min(0.1).max(1_024),
      /** Speed of a core, relative to the machine on which costs were measured. */
      speed: z.number().min(0.01).max(100),
      shared: z.boolean(),
    })
    .default({ cores: 2, speed: 1, shared: false }),
  /** Processor seconds of a keeper's local training. */
  trainingSeconds: seconds.default(60),
  costs: z
    .strictObject({
      ...{ encrypt: cost, check: cost, add: cost, share: cost, mask: cost, combine: cost, combineShare: cost },
      ...{ blob: seconds, part: seconds, round: seconds, follow: seconds },
    })
    .default(MEASURED_COSTS),
  /** Seconds between a keeper's looks at the chain; below, for which it waits for a blob (keeper.yaml). */
  pollSeconds: z.number().min(0.05).max(60).default(2),
  fetchSeconds: z.number().positive().max(3_600).default(60),
  /** Updates or shares that a keeper fetches at a time when it adds up by itself. */
  fetchesAtOnce: z.int().min(1).max(256).default(ROUND_TIMES.atOnce),
  /** Fractions of the keepers that stop somewhere in the first round, that report false sums, and that are ten times slower. */
  faults: z.strictObject({ killed: part, lying: part, slow: part }).default({ killed: 0, lying: 0, slow: 0 }),
  seed: z.int().min(0).max(0xffffffff).default(1),
})

type Parsed = z.infer<typeof serviceSettingsSchema>
export type ServiceSettings = Parsed & { readonly terms: Parsed['terms'] & { readonly minTotalSamples: number } }

/** Checks settings and fills in defaults. @throws SizingError */
export function parseServiceSettings(settings: z.input<typeof serviceSettingsSchema>): ServiceSettings {
  const { success, data, error } = serviceSettingsSchema.safeParse(settings)
  if (!success) {
    const [issue] = error.issues
    throw new SizingError(`${issue!.path.join('.')}: ${issue!.message}`)
  }
  const { keepers, buffer, maxStaleness } = data
  if (buffer > keepers)
    throw new SizingError(`buffer: ${buffer} updates of ${keepers} keepers; lower it, or raise keepers`)
  if (buffer > 0 !== maxStaleness > 0) {
    throw new SizingError(`maxStaleness: ${maxStaleness} with a buffer of ${buffer}; give both, or neither`)
  }
  const { killed, lying, slow } = data.faults
  if (killed + lying + slow > 1) {
    throw new SizingError(`faults: ${killed} + ${lying} + ${slow} is more than all keepers; lower one of them`)
  }
  return {
    ...data,
    terms: { ...data.terms, minTotalSamples: data.terms.minTotalSamples ?? SAMPLES_EACH * data.keepers },
  }
}
