// SPDX-License-Identifier: GPL-3.0-or-later
// Decides which of the keeper's work goes to the operator's workers on other machines, and logs what becomes of it.
import type { Logger } from 'pino'
import type { ClaimHelper } from '../fhe/index.ts'
import {
  claims,
  JobError,
  type JobEvent,
  openQueue,
  type QueueAccess,
  readAccess,
  type Traffic,
  trafficSince,
} from '../jobs/index.ts'
import { CONFIG_FILE, type KeeperConfig } from './config.ts'
import { AgentError } from './errors.ts'
import type { KeeperMetrics } from './metrics.ts'

export type NoteJob = (event: JobEvent, traffic: Traffic) => void

/** The queue's address and secrets for jobs of one kind, or null where these stay in this process. @throws AgentError CONFIG */
export function accessFor(
  kind: 'gradients' | 'claims',
  { workers }: Pick<KeeperConfig, 'workers'>,
): QueueAccess | null {
  if (workers === undefined || !workers.kinds.includes(kind)) return null
  try {
    return readAccess(workers)
  } catch (error) {
    if (!(error instanceof JobError)) throw error
    throw new AgentError('CONFIG', `${CONFIG_FILE}: workers.${error.message}`, { cause: error })
  }
}

/** Writes what became of a job to log and metrics. */
export function noteJobs(log: Pick<Logger, 'info' | 'warn'>, metrics: Pick<KeeperMetrics, 'jobs'>): NoteJob {
  return (event, { sent, received }) => {
    metrics.jobs?.bytes.inc({ direction: 'sent' }, sent)
    metrics.jobs?.bytes.inc({ direction: 'received' }, received)
    const { kind } = event
    if (event.event === 'job done') {
      metrics.jobs?.done.inc({ kind, where: event.where })
      metrics.jobs?.seconds.observe({ kind }, event.ms / 1_000)
    } else if (event.event === 'job returned') {
      const { code, reason } = event
      metrics.jobs?.returned.inc({ kind, code })
      log.warn(
        { event: 'job returned', kind, code, reason },
        'workers did not do a job: this keeper does it, and the next ones',
      )
    } else log.info({ event: 'workers back', kind }, 'workers do jobs again')
  }
}

/** The helper of the cryptographic engine, or null. Without workers the engine computes by itself, letting other events in. */
export async function claimHelper(
  config: Pick<KeeperConfig, 'workers'>,
  note: NoteJob,
  cleanup: AsyncDisposableStack,
): Promise<ClaimHelper | null> {
  const access = accessFor('claims', config)
  if (access === null) return null
  let traffic: () => Traffic = () => ({ sent: 0, received: 0 })
  const opened = await openQueue(access, {}, (event) => note(event, traffic()))
  traffic = trafficSince(opened.traffic)
  const { queue } = opened
  cleanup.defer(() => queue.close())
  return async (task, signal) =>
    await (await queue.submit(claims, task, signal === undefined ? {} : { signal })).answer()
}
