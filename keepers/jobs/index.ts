// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the jobs room: work that may be done in this process or on another machine of the same operator.

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
export { FallbackQueue, type JobEvent } from './fallback.ts'
export { JOB_NAMES, type JobKind, type JobName, type Performers } from './kind.ts'
export { claims } from './kinds/claims.ts'
export { gradients } from './kinds/gradients.ts'
export type { ProofAnswer, ProofCheck, ProofTask } from './kinds/proof-task.ts'
export { proofLane, proofs } from './kinds/proofs.ts'
export { loadWorkerSide, type OpenQueue, openQueue, pingQueue, type Traffic, trafficSince } from './open.ts'
export { type JobOptions, type JobQueue, LocalQueue, type SubmittedJob } from './queue.ts'
export { serveThread } from './redis/compute-pool.ts'
export type { Lane, QueueWorker, WorkerEvent } from './redis/queue-worker.ts'
export type { QueueTraffic, RedisQueue } from './redis/redis-queue.ts'
