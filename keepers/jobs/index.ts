// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the jobs room: work that may be done in this process or on another machine of the same operator, and the queue between them.

export { Calculators } from './calculators.ts'
export {
  KEEPER_JOBS,
  type QueueAccess,
  type QueueConfig,
  queueSchema,
  readAccess,
  withQueuePaths,
  workersSchema,
} from './config.ts'
export { JobError, type JobErrorCode } from './errors.ts'
export type { JobEvent } from './fallback.ts'
export { JOB_NAMES, type JobKind, type Performers } from './kind.ts'
export { claims } from './kinds/claims.ts'
export { gradients } from './kinds/gradients.ts'
export type { ProofAnswer, ProofTask } from './kinds/proof-task.ts'
export { proofLane, proofs } from './kinds/proofs.ts'
export { loadWorkerSide, openQueue, pingQueue, type Traffic, trafficSince } from './open.ts'
export { type JobQueue, LocalQueue } from './queue.ts'
export { serveThread } from './redis/compute-pool.ts'
export type { WorkerEvent } from './redis/queue-worker.ts'
