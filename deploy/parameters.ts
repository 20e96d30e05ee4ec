// SPDX-License-Identifier: GPL-3.0-or-later
// An operator's decisions about a deployment, checked before the first transaction.
import { readFile } from 'node:fs/promises'
import { getAddress, isAddress, parseEther, parseUnits, ZeroAddress, ZeroHash } from 'ethers'
import { z } from 'zod'

const DAY = 24 * 3600

const tokens = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,18})?$/, 'an amount of whole tokens, such as "1000" or "0.5"')
  .transform((text) => parseUnits(text, 18))

const ether = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,18})?$/, 'an amount of the network’s coin, such as "0.1"')
  .transform((text) => parseEther(text))

const seconds = (maximum: number, minimum = 0) => z.int().min(minimum).max(maximum)

/** An address, or the index of one of the network's accounts. */
const account = z.union([
  z.int().nonnegative().max(1000),
  z
    .string()
    .refine((text) => isAddress(text), 'an address, or the index of an account of the network')
    .transform((text) => getAddress(text)),
])

const sortition = z.strictObject({
  /** Stake that each candidate puts up in addition to the bond of a seat. */
  bondTokens: tokens,
  /** Taken from a candidate that was drawn and did not take its seat; at most `bondTokens`. */
  absencePenaltyTokens: tokens,
  /** Least number of candidates for a draw. */
  minCandidates: z
    .int()
    .min(2)
    .max(2 ** 32 - 1),
  /** Time for which the seats are reserved for the drawn; less than the registration window. */
  patienceSeconds: seconds(365 * DAY, 1),
  /** Blocks between a draw's opening and its seed. */
  delayBlocks: z.int().min(1).max(128).default(4),
})

const service = z.strictObject({
  /** Name of the service, for people; 1 to 64 bytes. */
  name: z
    .string()
    .refine((text) => text.length > 0 && Buffer.byteLength(text) <= 64, 'between 1 and 64 bytes of UTF-8'),
  /** How a round's reward is split: evenly, or by declared samples. */
  strategy: z.enum(['equal', 'samples']),
  /** Contract that decides who may take a seat (IAdmission). The zero address: every keeper may. */
  admission: z
    .string()
    .refine((text) => isAddress(text), 'an address')
    .transform((text) => getAddress(text))
    .default(ZeroAddress),
  /** Most seats that keepers of one party, as named by the admission contract, may have; 0 without such a contract. */
  partySeats: z.int().min(0).max(256).default(0),
  /** Draws the members of each epoch among candidates, with a SortitionAdmission of the service's own. Null: seats go to whoever comes first. */
  sortition: sortition.nullable().default(null),
  /** SHA-256 of the service's manifest (`cohort service digest`). Zero: the chain records no manifest. */
  manifest: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/, 'the SHA-256 of a manifest: 0x and 64 lower-case hex digits')
    .default(ZeroHash),
  registrationWindow: seconds(365 * DAY, 1),
  keyWindow: seconds(365 * DAY, 1),
  trainingWindow: seconds(365 * DAY, 1),
  revealWindow: seconds(365 * DAY, 1),
  aggregateWindow: seconds(365 * DAY, 1),
  decryptWindow: seconds(365 * DAY, 1),
  voteWindow: seconds(365 * DAY, 1),
  minKeepers: z.int().min(2).max(256),
  maxKeepers: z.int().min(2).max(256),
  /** The decryption threshold is ⌊n · bps / 10,000⌋ + 1 of n members. It must be a majority, and at most ⌈2n/3⌉. */
  decryptionBps: z.int().min(5_000).max(6_666),
  decryptionsPerEpoch: z.int().min(1).max(65_535),
  maxStrikes: z.int().min(2).max(3),
  /** All seats are given up when an epoch ends; true where `sortition` draws the members of the next one. */
  oneEpochSeats: z.boolean().default(false),
  /** Number of updates with which Training ends, so that it need not wait for slower members. 0: Training waits for all. */
  buffer: z.int().min(0).max(255).default(0),
  /** With a buffer: how many completed rounds an update may be behind. Without one: 0. */
  maxStaleness: z.int().min(0).max(7).default(0),
  bondTokens: tokens,
  rewardPerRoundTokens: tokens,
  keyPenaltyTokens: tokens,
  decryptPenaltyTokens: tokens,
  /** Taken when a quorum of the members convicts one: for a false dealing, complaint, update or dispute. */
  fraudPenaltyTokens: tokens,
  /** Minted into the service's reward pool at the start, in addition to the holders' amounts. */
  rewardPoolTokens: tokens.default(0n),
})

/** The longest time from a proposal to its execution, in seconds; a flagged market waits this long. */
function decisionSeconds(
  governor: { votingDelaySeconds: number; votingPeriodSeconds: number; voteExtensionSeconds: number },
  timelock: { delaySeconds: number },
): number {
  const { votingDelaySeconds, votingPeriodSeconds, voteExtensionSeconds } = governor
  return votingDelaySeconds + votingPeriodSeconds + voteExtensionSeconds + timelock.delaySeconds
}

const schema = z
  .strictObject({
    $schema: z.string().optional(),
    token: z.strictObject({
      /** Receivers of the first supply. There must be at least one, otherwise nobody could ever vote. */
      holders: z.array(z.strictObject({ account, tokens })).min(1).max(200),
    }),
    timelock: z.strictObject({ delaySeconds: seconds(60 * DAY) }),
    governor: z.strictObject({
      votingDelaySeconds: seconds(60 * DAY),
      votingPeriodSeconds: seconds(60 * DAY, 1),
      voteExtensionSeconds: seconds(7 * DAY),
      proposalThresholdTokens: tokens,
      quorumPercent: z.int().min(1).max(100),
    }),
    keepers: z.strictObject({
      minStakeTokens: tokens,
      unbondingDelaySeconds: seconds(365 * DAY, 1),
      jailDelaySeconds: seconds(365 * DAY, 1),
      /** If rewards are split by samples: declared samples above this number do not earn a keeper a larger share. */
      sampleRewardCap: z
        .int()
        .min(1)
        .max(2 ** 40 - 1),
    }),
    /** Proving as a service: a prover's least bond, and how long it stays slashable. */
    provers: z
      .strictObject({
        minBondEther: ether.default(parseEther('0.1')),
        unbondingDelaySeconds: seconds(365 * DAY, 1).default(7 * DAY),
        /** After a job's deadline: time to settle or accuse submissions. */
        settleSeconds: seconds(30 * DAY, 1).default(DAY),
      })
      .prefault({}),
    /** Prediction markets: how long a resolution can be flagged, and when a flagged one that nobody settles ends by itself. */
    markets: z
      .strictObject({
        disputeDelaySeconds: seconds(30 * DAY, 1).default(2 * DAY),
        fallbackDelaySeconds: seconds(365 * DAY, 1).default(90 * DAY),
      })
      .prefault({}),
    /** A service that the deployer creates while it still may; only the DAO can create later ones. */
    service: service.nullable(),
  })
  .refine((all) => all.governor.voteExtensionSeconds <= all.governor.votingPeriodSeconds, {
    path: ['governor', 'voteExtensionSeconds'],
    message: 'at most votingPeriodSeconds',
  })
  .superRefine(({ governor, timelock, markets }, context) => {
    const decision = decisionSeconds(governor, timelock)
    if (markets.fallbackDelaySeconds >= decision) return
    context.addIssue({
      code: 'custom',
      path: ['markets', 'fallbackDelaySeconds'],
      message: `${markets.fallbackDelaySeconds} is less than the ${decision} s that a vote takes: no dispute could be decided`,
    })
  })
  .superRefine(({ service }, context) => {
    if (service?.sortition == null) return
    const { sortition, admission, oneEpochSeats, registrationWindow } = service
    const complain = (field: string, message: string): void =>
      context.addIssue({ code: 'custom', path: ['service', ...field.split('.')], message })
    if (admission !== ZeroAddress) complain('admission', 'leave it out: the sortition is the admission contract')
    if (!oneEpochSeats) complain('oneEpochSeats', 'true where members are drawn: seats that last are never drawn again')
    if (sortition.absencePenaltyTokens > sortition.bondTokens) {
      complain('sortition.absencePenaltyTokens', 'at most bondTokens')
    }
    if (2 * sortition.patienceSeconds > registrationWindow) {
      complain('sortition.patienceSeconds', 'at most half of registrationWindow, so that a draw can be settled in it')
    }
  })
  .superRefine(({ service }, context) => {
    if (service === null) return
    const { buffer, maxStaleness, maxStrikes, minKeepers, maxKeepers, oneEpochSeats, decryptionsPerEpoch } = service
    const patience = maxStaleness + maxStrikes
    const complain = (field: string, message: string): void =>
      context.addIssue({ code: 'custom', path: ['service', field], message })
    if (buffer !== 0 && (buffer < minKeepers || buffer > maxKeepers)) {
      complain('buffer', `${buffer} is outside of minKeepers … maxKeepers, ${minKeepers} … ${maxKeepers}; 0 for none`)
    }
    if (buffer === 0 && maxStaleness !== 0) complain('maxStaleness', '0 without a buffer: Training waits for all')
    if (buffer !== 0 && maxStaleness === 0) complain('maxStaleness', 'at least 1 with a buffer')
    if (buffer !== 0 && oneEpochSeats && decryptionsPerEpoch < patience) {
      const rule = `at least ${patience} with a buffer and oneEpochSeats: maxStaleness + maxStrikes`
      complain('decryptionsPerEpoch', `${rule}, or no silence would cost a seat`)
    }
  })
  .refine((all) => all.service === null || all.service.minKeepers <= all.service.maxKeepers, {
    path: ['service', 'minKeepers'],
    message: 'at most maxKeepers',
  })

export type DeployParameters = z.infer<typeof schema>

/** The parameter file cannot be used. `exitCode` follows sysexits.h. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Reads a parameter file. Throws ParameterError, which names every field that is wrong. */
export async function readParameters(file: string): Promise<DeployParameters> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new ParameterError(`no parameters at ${file}: write that file, or name one with --parameters`, 66, { cause })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ParameterError(`${file} is not JSON: ${String(cause)}`, 65, { cause })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
  throw new ParameterError(`${file}: ${issues.join('; ')}`, 65)
}
