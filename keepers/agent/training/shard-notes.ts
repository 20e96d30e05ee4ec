// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from 'pino'
import type { ShardSummary } from './protocol.ts'

/** Log lines at start about the keeper's samples and its training backend. */
export function noteShard(log: Pick<Logger, 'info' | 'warn'>, shard: ShardSummary): void {
  const { samples, heldOut, parameterCount, announcement, backend, warnings } = shard
  log.info({ event: 'shard', samples, heldOut, parameters: parameterCount, backend }, announcement)
  for (const warning of warnings) log.warn({ event: 'slow training', backend }, warning)
}
