// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs of the ProverMarket as a prover sees them: read from the chain, answers and witnesses included.
import { AbiCoder, getBytes, keccak256, type Provider } from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import type { DataPlane } from '../network/index.ts'
import { ServingError } from './errors.ts'
import { decodeReference, decodeWitness, MAX_DOCUMENT_BYTES, type SegmentWitness } from './prover-witness.ts'
import { openWitness } from './sealed-witness.ts'

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
  /** Unix seconds, the last at which a claimed slot can be answered. */
  readonly due: bigint
  /** Hash of a submitted answer. */
  readonly answer: string
}

export type SegmentView = {
  readonly circuitId: string
  readonly modelCommitment: bigint
  readonly inputCommitment: bigint
  /** Its required output: null for the last one. */
  readonly output: bigint | null
}

export type JobView = {
  readonly id: bigint
  readonly status: JobStatus
  /** Unix seconds. */
  readonly postedAt: bigint
  readonly deadline: bigint
  readonly bond: bigint
  /** Only provers that the poster chose may claim. */
  readonly invited: boolean
  /** Seconds that a prover has from its claim, if the deadline does not come first. */
  readonly claimSeconds: number
  readonly segments: readonly SegmentView[]
  readonly slots: readonly SlotView[]
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

const ANSWER_TYPES = ['uint256', 'tuple(uint256[2] a, uint256[2][2] b, uint256[2] c)']
/** Time for one witness document, in milliseconds. */
const FETCH_MS = 30_000

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
    postedAt: job.postedAt,
    deadline: job.deadline,
    bond: job.bond,
    invited: job.invited,
    claimSeconds: Number(job.claimSeconds),
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

/** The answers with the hashes in the slots, from the log of `fromBlock` and later. A node that lost one gives fewer. */
export async function readAnswers(market: ProverMarket, job: JobView, fromBlock: number): Promise<SubmittedAnswer[]> {
  const wanted = new Map(
    job.slots
      .filter(({ state }) => state === 'submitted')
      .map(({ segment, copy, answer }) => [`${segment}:${copy}:${answer}`, true]),
  )
  if (wanted.size === 0) return []
  const logged = await market.queryFilter(market.filters.SegmentSubmitted(job.id), fromBlock)
  const answers: SubmittedAnswer[] = []
  for (const { args } of logged) {
    const [a, b, c] = args.proof
    const proof: SubmittedAnswer['proof'] = {
      a: [a[0], a[1]],
      b: [
        [b[0][0], b[0][1]],
        [b[1][0], b[1][1]],
      ],
      c: [c[0], c[1]],
    }
    const hash = keccak256(AbiCoder.defaultAbiCoder().encode(ANSWER_TYPES, [args.output, proof]))
    // The same answer can have been given twice, before and after a reorganisation.
    if (!wanted.delete(`${args.segment}:${args.copy}:${hash}`)) continue
    answers.push({ segment: Number(args.segment), copy: Number(args.copy), output: args.output, proof })
  }
  return answers
}

/**
 * The witness of a job, one entry a segment.
 * @throws ServingError bad-payload; NetworkError when nobody delivers the blob
 */
export async function readWitness(
  market: ProverMarket,
  job: JobView,
  options: {
    fromBlock: number
    plane: DataPlane | null
    signal?: AbortSignal
    /** The prover of the sealed witness, and the key that opens it; null for an account without such a key. */
    prover: { readonly address: string; readonly privateKey: string | null }
  },
): Promise<SegmentWitness[]> {
  const [posted] = await market.queryFilter(market.filters.JobPosted(job.id), options.fromBlock)
  if (posted === undefined) throw new ServingError('bad-payload', `job ${job.id} is not in the log of the market`)
  const bytes = job.invited ? await invitationOf(market, job, options) : getBytes(posted.args.witness)
  const reference = decodeReference(bytes, job.invited)
  const document =
    'document' in reference ? reference.document : await fetchDocument(reference.cid, reference.providers, options)
  const segments = decodeWitness(job.invited ? await opened(market, posted.args, document, options.prover) : document)
  if (segments.length !== job.segments.length) {
    throw new ServingError(
      'bad-payload',
      `job ${job.id}: a witness of ${segments.length} segments for ${job.segments.length}`,
    )
  }
  return segments
}

/** The poster's document for this prover, by the hash that the market keeps. */
async function invitationOf(
  market: ProverMarket,
  job: JobView,
  { fromBlock, prover }: { fromBlock: number; prover: { readonly address: string } },
): Promise<Uint8Array> {
  const expected = await market.witnessHashOf(job.id, prover.address)
  const invitations = await market.queryFilter(market.filters.ProverInvited(job.id, prover.address), fromBlock)
  const own = invitations.find(({ args }) => keccak256(args.witness) === expected)
  if (own === undefined) throw new ServingError('bad-payload', `job ${job.id} has no witness for ${prover.address}`)
  return getBytes(own.args.witness)
}

async function opened(
  market: ProverMarket,
  posted: { readonly poster: string; readonly terms: unknown; readonly segments: unknown },
  sealed: Uint8Array,
  { address, privateKey }: { readonly address: string; readonly privateKey: string | null },
): Promise<Uint8Array> {
  if (privateKey === null) {
    throw new ServingError('unsupported', 'a sealed witness is opened with the account key: use --keystore')
  }
  const { chainId } = await market.runner!.provider!.getNetwork()
  const { poster, terms, segments } = posted
  return openWitness(sealed, privateKey, {
    ...{ chainId, market: await market.getAddress(), poster, prover: address },
    ...{ terms, segments },
  })
}

async function fetchDocument(
  cid: string,
  providers: readonly string[],
  { plane, signal }: { plane: DataPlane | null; signal?: AbortSignal },
): Promise<Uint8Array> {
  if (plane === null) {
    throw new ServingError('bad-payload', `the witness is the blob ${cid}, and this prover has no data plane`)
  }
  return await plane.fetch(cid, {
    maxBytes: MAX_DOCUMENT_BYTES,
    timeout: FETCH_MS,
    providers: [...providers],
    ...(signal === undefined ? {} : { signal }),
  })
}
