// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the witness of a job of the ProverMarket, as far as this prover may read it.
import { getBytes, keccak256 } from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import type { DataPlane } from '../network/index.ts'
import { ServingError } from './errors.ts'
import type { JobView } from './job-state.ts'
import { decodeReference, decodeWitness, MAX_DOCUMENT_BYTES, type SegmentWitness } from './prover-witness.ts'
import { openWitness } from './sealed-witness.ts'

/** Time for one witness document, in milliseconds. */
const FETCH_MS = 30_000

/**
 * The witness of a job, one entry per segment.
 * @throws ServingError bad-payload; NetworkError when nobody delivers the blob
 */
export async function readWitness(
  market: ProverMarket,
  job: JobView,
  options: {
    fromBlock: number
    plane: DataPlane | null
    signal?: AbortSignal
    /** The prover to whom the witness may be sealed, and the key that opens it; null if the account's key is not here. */
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
