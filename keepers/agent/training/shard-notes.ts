// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from 'pino'
import type { ShardSummary } from './protocol.ts'

/** What a keeper says of its samples, and of what trains on them, when it starts. */
export function noteShard(log: Pick<Logger, 'info' | 'warn'>, shard: ShardSummary): void {
  const { samples, heldOut, parameterCount, announcement, backend, warnings } = shard
  log.info({ event: 'shard', samples, heldOut, parameters: parameterCount, backend }, announcement)
  for (const warning of warnings) log.warn({ event: 'slow training', backend }, warning)
}
