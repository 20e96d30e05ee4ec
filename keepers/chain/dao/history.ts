// SPDX-License-Identifier: GPL-3.0-or-later
// A co-owned model's status: the versions that its members accepted, and the fate of each.
import type { Provider } from 'ethers'
import type { ILearningService, ModelRegistry } from '../../../types/index.ts'
import { countOf } from '../count.ts'
import { newestLog } from '../log-search.ts'
import { DaoError } from './errors.ts'
import { VERSION_STATUSES, type VersionStatus } from './terms.ts'

export type ServiceStatus = {
  readonly name: string
  readonly address: string
  /** The released version that consumers use; null before the first release. */
  readonly current: number | null
  readonly versions: readonly VersionRecord[]
}

export type VersionRecord = {
  readonly version: number
  readonly epoch: number
  readonly round: number
  /** Members that voted for it. */
  readonly votes: number
  readonly status: VersionStatus
  readonly weightsCommitment: string
  /** Unix seconds of its last change of status. */
  readonly updatedAt: number
}

/** Versions read in one call while listing a history. */
const PAGE = 64

/** Every version of a registered service, and the current release. */
export async function modelHistory(
  models: ModelRegistry,
  service: string,
): Promise<Pick<ServiceStatus, 'current' | 'versions'>> {
  const count = countOf(await models.versionCount(service), 'versions')
  const versions: VersionRecord[] = []
  while (versions.length < count) {
    const page = await models.listVersions(service, versions.length + 1, PAGE)
    if (page.length === 0) {
      throw new DaoError(
        'unknown-version',
        `the endpoint counts ${count} versions and shows ${versions.length}: ask again, or use another endpoint`,
      )
    }
    for (const entry of page) {
      versions.push({
        version: versions.length + 1,
        epoch: Number(entry.epoch),
        round: Number(entry.round),
        votes: Number(entry.votes),
        status: VERSION_STATUSES[Number(entry.status)]!,
        weightsCommitment: entry.weightsCommitment,
        updatedAt: Number(entry.updatedAt),
      })
    }
  }
  const releases = await models.listReleases(service)
  const last = Number(releases.at(-1) ?? 0n)
  // If the last release was deprecated while it was current, the list still ends with it, but no version is current.
  const current = versions[last - 1]?.status === 'released' ? last : null
  return { current, versions }
}

/** @throws DaoError unknown-version, wrong-status when the version's status is none of those wanted */
export function expectStatus(
  { address, versions }: ServiceStatus,
  version: number,
  wanted: readonly VersionStatus[],
): void {
  const found = versions[version - 1]
  if (found === undefined) {
    throw new DaoError('unknown-version', `${address} has versions 1 to ${versions.length}, not ${version}`)
  }
  if (!wanted.includes(found.status)) {
    throw new DaoError(
      'wrong-status',
      `version ${version} of ${address} is ${found.status}, not ${wanted.join(' or ')}`,
    )
  }
}

/** The binary CID of a version's model, in hexadecimal, from the service's log in those blocks; null when it is not there. */
export async function versionCid(
  service: ILearningService,
  version: number,
  provider: Provider,
  blocks: { readonly from: number; readonly to: number },
): Promise<string | null> {
  const topics = await service.filters.UpdateCompleted(undefined, undefined, undefined, version).getTopicFilter()
  const log = await newestLog(provider, { address: await service.getAddress(), topics }, blocks)
  return log === null ? null : (service.interface.parseLog(log)?.args.cid ?? null)
}
