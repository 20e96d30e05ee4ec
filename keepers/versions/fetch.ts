// SPDX-License-Identifier: GPL-3.0-or-later
import { hexToBytes } from '@noble/hashes/utils.js'
import type { Provider } from 'ethers'
import { MOST_STRATEGY_BYTES, strategyHash } from '../learning/index.ts'
import { cidFromDigest, cidFromHex, type DataPlane } from '../network/index.ts'
import { VersionError } from './errors.ts'
import { decodeManifest, MAX_MANIFEST_BYTES, type ServiceManifest } from './manifest.ts'
import { decodeModel, modelBytes } from './model-blob.ts'
import { commitToWeights, type PlannedModel, saltOf } from './provable.ts'
import { MAX_START_BYTES } from './start.ts'

/**
 * Loaded only when something is fetched. Most importers of this room fetch nothing, such as a keeper's training thread, and ethers with the contracts'
 * types takes as long to load as everything else in the room.
 */
const chain = () => import('../chain/index.ts')

/** Time for one model blob, in milliseconds. */
const FETCH_MS = 60_000

export type VersionWeights = { readonly version: bigint; readonly weights: Float32Array; readonly salt: bigint }

export type VersionSource = {
  readonly provider: Provider
  /** Address of the learning service. */
  readonly service: string
  /** The service's model, as its manifest says. */
  readonly model: PlannedModel
  readonly plane: DataPlane
  /** Block from which the service's versions are in the log. */
  readonly fromBlock: number
  /** The version's commitment, if the caller has confirmed it; by default the one in the event, which is one endpoint's word. */
  readonly commitment?: string
}

/**
 * Fetches a version's weights from the keepers that hold them, and checks them against the commitment on the chain: a
 * wrong blob is refused, whoever sent it.
 * @throws VersionError NOT_FOUND, WRONG_COMMITMENT or BAD_BLOB; NetworkError when nobody serves it
 */
export async function fetchVersion(
  source: VersionSource,
  version: bigint,
  signal?: AbortSignal,
): Promise<VersionWeights> {
  const { service, model, plane } = source
  const { clients, newestLog } = await chain()
  const keepers = clients.service(service, source.provider)
  const topics = await keepers.filters.UpdateCompleted(undefined, undefined, undefined, version).getTopicFilter()
  // Searched backwards, because mostly recent versions are fetched.
  const to = await source.provider.getBlockNumber()
  const log = await newestLog(source.provider, { address: service, topics }, { from: source.fromBlock, to })
  if (log === null) throw new VersionError('NOT_FOUND', `version ${version} of ${service} is not on the chain`)
  const completed = keepers.interface.parseLog({ topics: [...log.topics], data: log.data })!
  const count = model.spec.parameterCount
  const bytes = await plane.fetch(cidFromHex(completed.args.cid), {
    maxBytes: modelBytes(count),
    timeout: FETCH_MS,
    providers: await keeperAddresses(source),
    ...(signal === undefined ? {} : { signal }),
  })
  const weights = decodeModel(bytes, count)
  const { commitment } = commitToWeights(model, weights)
  const { commitment: expected = completed.args.modelCommitment } = source
  if (commitment !== expected) {
    throw new VersionError(
      'WRONG_COMMITMENT',
      `version ${version}: the weights commit to ${commitment}, the chain says ${expected}; is it the service's manifest?`,
    )
  }
  return { version, weights, salt: saltOf(weights) }
}

/**
 * Fetches the manifest of that digest (0x…) from the keepers of a service, which all serve it.
 * @param timeout milliseconds
 * @throws VersionError BAD_MANIFEST, WRONG_MANIFEST for bytes of another digest, NetworkError when nobody serves it
 */
export async function fetchManifest(
  source: Pick<VersionSource, 'provider' | 'service'> & { readonly plane: Pick<DataPlane, 'fetch'> },
  digest: string,
  timeout = FETCH_MS,
): Promise<ServiceManifest> {
  const cid = cidFromDigest(hexToBytes(digest.slice(2)))
  const providers = await keeperAddresses(source)
  const bytes = await source.plane.fetch(cid, { maxBytes: MAX_MANIFEST_BYTES, timeout, providers })
  return decodeManifest(bytes, `manifest ${cid}`, digest)
}

/**
 * Fetches the file of the weights before the first round from the keepers of a service, which all serve it.
 * @throws NetworkError when nobody serves it
 */
export async function fetchStart(
  source: Pick<VersionSource, 'provider' | 'service' | 'plane'>,
  cid: string,
  timeout = FETCH_MS,
): Promise<Uint8Array> {
  return await source.plane.fetch(cid, { maxBytes: MAX_START_BYTES, timeout, providers: await keeperAddresses(source) })
}

/**
 * Fetches the strategy's module of that SHA-256 (hexadecimal) from the keepers of a service, which all serve it.
 * @param timeout milliseconds
 * @throws VersionError BAD_BLOB for other bytes, NetworkError when nobody serves it
 */
export async function fetchStrategy(
  source: Pick<VersionSource, 'provider' | 'service' | 'plane'>,
  sha256: string,
  timeout = FETCH_MS,
): Promise<Uint8Array> {
  return await strategyFrom(source.plane, await keeperAddresses(source), sha256, timeout)
}

/** The same from these addresses. */
export async function strategyFrom(
  plane: Pick<DataPlane, 'fetch'>,
  providers: readonly string[],
  sha256: string,
  timeout: number,
): Promise<Uint8Array> {
  const cid = cidFromDigest(hexToBytes(sha256))
  const bytes = await plane.fetch(cid, { maxBytes: MOST_STRATEGY_BYTES, timeout, providers: [...providers] })
  const found = strategyHash(bytes)
  if (found === sha256) return bytes
  throw new VersionError('BAD_BLOB', `strategy ${cid}: it hashes to ${found}, members agreed on ${sha256}`)
}

/** Addresses of the service's keepers, all of which keep accepted models. */
async function keeperAddresses({ service, provider }: Pick<VersionSource, 'provider' | 'service'>): Promise<string[]> {
  const { openService, PeerBook, seatsOf, systemClock } = await chain()
  const contracts = await openService(service, provider)
  const [seated] = await contracts.service.seats()
  const [first, ...others] = seatsOf(seated)
  if (first === undefined) return []
  return await new PeerBook(contracts.service, contracts.registry, systemClock).providers(first, others, null)
}
