// SPDX-License-Identifier: GPL-3.0-or-later
// Reads jobs of the ProverMarket from the chain, and their submitted answers. Needs no Node, because the console uses it, too.
import { AbiCoder, keccak256, type Provider } from 'ethers'
import type { ProverMarket } from '../../types/index.ts'

/** IProverMarketTypes.JobStatus */
export const JOB_STATUS = [
  'none',
  'open',
  'settling',
  'expired',
  'completed',
  'disputed',
  'cancelled',
  'closed',
] as const
export type JobStatus = (typeof JOB_STATUS)[number]

/** IProverMarketTypes.SlotState */
export const SLOT_STATE = ['open', 'claimed', 'submitted', 'proven', 'paid'] as const

export type SlotView = {
  readonly segment: number
  readonly copy: number
  readonly prover: string
  readonly state: (typeof SLOT_STATE)[number]
  /** Unix seconds: the last moment at which a claimed slot can be answered. */
  readonly due: bigint
  /** Hash of a submitted answer; the output of a proven one. */
  readonly answer: string
}

export type SegmentView = {
  readonly circuitId: string
  readonly modelCommitment: bigint
  readonly inputCommitment: bigint
  /** Its required output; null for the last segment. */
  readonly output: bigint | null
}

export type JobView = {
  readonly id: bigint
  readonly status: JobStatus
  readonly poster: string
  /** Unix seconds. */
  readonly postedAt: bigint
  readonly deadline: bigint
  /** Wei for a proof at posting; below, at the deadline. */
  readonly startPrice: bigint
  readonly maxPrice: bigint
  /** Wei that is neither paid nor refunded yet. */
  readonly escrow: bigint
  /** Wei that a prover reserves for each slot. */
  readonly bond: bigint
  /** Whether only provers that the poster chose may claim. */
  readonly invited: boolean
  /** Seconds that a prover has from its claim, if the deadline does not come first. */
  readonly claimSeconds: number
  readonly segments: readonly SegmentView[]
  readonly slots: readonly SlotView[]
  /** The last segment's output; null until it is accepted. */
  readonly result: bigint | null
  /** The chain's clock when this was read, Unix seconds. */
  readonly now: bigint
}

/** A submitted answer as `settle` and `accuse` take it. */
export type SubmittedAnswer = {
  readonly segment: number
  readonly copy: number
  readonly output: bigint
  readonly proof: {
    readonly a: [bigint, bigint]
    readonly b: [[bigint, bigint], [bigint, bigint]]
    readonly c: [bigint, bigint]
  }
}

/** The arguments of an event SegmentSubmitted. */
export type LoggedAnswer = {
  readonly segment: bigint
  readonly copy: bigint
  readonly output: bigint
  readonly proof: readonly [
    readonly [bigint, bigint],
    readonly [readonly [bigint, bigint], readonly [bigint, bigint]],
    readonly [bigint, bigint],
  ]
}

const ANSWER_TYPES = ['uint256', 'tuple(uint256[2] a, uint256[2][2] b, uint256[2] c)']

/** A slot as events name it. */
export function whereOf(job: JobView, { segment, copy }: SlotView): { job: bigint; segment: number; copy: number } {
  return { job: job.id, segment, copy }
}

/** Status `none` for a job that does not exist. */
export async function readStatus(market: ProverMarket, id: bigint): Promise<JobStatus> {
  return JOB_STATUS[Number(await market.statusOf(id))] ?? 'none'
}

export async function readJob(market: ProverMarket, provider: Provider, id: bigint): Promise<JobView> {
  const [job, terms, slots, block] = await Promise.all([
    market.getJob(id),
    market.getSegments(id),
    market.getSlots(id),
    provider.getBlock('latest'),
  ])
  const copies = Number(job.copies)
  return {
    id,
    status: JOB_STATUS[Number(job.status)] ?? 'none',
    poster: job.poster,
    postedAt: job.postedAt,
    deadline: job.deadline,
    startPrice: job.startPrice,
    maxPrice: job.maxPrice,
    escrow: job.escrow,
    bond: job.bond,
    invited: job.invited,
    claimSeconds: Number(job.claimSeconds),
    result: job.segments > 0n && job.accepted === job.segments ? job.output : null,
    now: BigInt(block?.timestamp ?? 0),
    segments: terms.map(({ circuitId, modelCommitment, inputCommitment }, i) => ({
      circuitId,
      modelCommitment,
      inputCommitment,
      output: i + 1 < terms.length ? terms[i + 1]!.inputCommitment : null,
    })),
    slots: slots.map(({ prover, claimedAt, state, answer }, number) => {
      const due = claimedAt + job.claimSeconds
      return {
        segment: Math.floor(number / copies),
        copy: number % copies,
        prover,
        state: SLOT_STATE[Number(state)] ?? 'open',
        due: due < job.deadline ? due : job.deadline,
        answer,
      }
    }),
  }
}

/** The answers whose hashes are in the slots, from the log since `fromBlock`. Fewer if the endpoint lacks some. */
export async function readAnswers(market: ProverMarket, job: JobView, fromBlock: number): Promise<SubmittedAnswer[]> {
  if (!job.slots.some(({ state }) => state === 'submitted')) return []
  const logged = await market.queryFilter(market.filters.SegmentSubmitted(job.id), fromBlock)
  return answersIn(
    job,
    logged.map(({ args }) => args as unknown as LoggedAnswer),
  )
}

/** Picks, from what was logged for a job, the answers whose hashes are in its slots. */
export function answersIn(job: JobView, logged: Iterable<LoggedAnswer>): SubmittedAnswer[] {
  const wanted = new Set(
    job.slots
      .filter(({ state }) => state === 'submitted')
      .map(({ segment, copy, answer }) => `${segment}:${copy}:${answer}`),
  )
  const answers: SubmittedAnswer[] = []
  for (const { segment, copy, output, proof: words } of logged) {
    const [a, b, c] = words
    const proof: SubmittedAnswer['proof'] = {
      a: [a[0], a[1]],
      b: [
        [b[0][0], b[0][1]],
        [b[1][0], b[1][1]],
      ],
      c: [c[0], c[1]],
    }
    const hash = keccak256(AbiCoder.defaultAbiCoder().encode(ANSWER_TYPES, [output, proof]))
    // The same answer may be logged twice, before and after a reorganisation.
    if (!wanted.delete(`${segment}:${copy}:${hash}`)) continue
    answers.push({ segment: Number(segment), copy: Number(copy), output, proof })
  }
  return answers
}
