// SPDX-License-Identifier: GPL-3.0-or-later
import { clients } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'

/**
 * Compares weights with those that a service's members voted for, as the service itself has them: a history may be an index's, of which
 * only a sample is compared with the chain.
 * @param commitment of the weights that somebody sent
 * @throws Error naming both; the provider's errors
 */
export async function requireCommitted(
  { provider }: Pick<Connection, 'provider'>,
  service: string,
  version: number,
  commitment: string,
): Promise<void> {
  const { weightsCommitment } = await clients.service(service, provider).versionAt(version)
  if (weightsCommitment === commitment) return
  throw new Error(
    `version ${version}: these weights commit to ${commitment}, the chain has ${weightsCommitment}: the file is not the one that the members voted for`,
  )
}
