// SPDX-License-Identifier: GPL-3.0-or-later
// Figures about work that goes to the operator's workers on other machines.
import { Counter, Histogram, type Registry } from 'prom-client'
import { type JobErrorCode, KEEPER_JOBS } from '../jobs/index.ts'

/** Why a job comes back. */
const RETURNED: readonly JobErrorCode[] = ['NOT_SEALED', 'BAD_ANSWER', 'TIMEOUT', 'FAILED', 'UNAVAILABLE']

export type JobMetrics = {
  readonly done: Counter<'kind' | 'where'>
  readonly returned: Counter<'kind' | 'code'>
  readonly bytes: Counter<'direction'>
  readonly seconds: Histogram<'kind'>
}

export function jobMetrics(registers: Registry[]): JobMetrics {
  const done = new Counter({
    name: 'cohort_jobs_total',
    help: 'Jobs by kind and by where they were done: by a worker, or here after all.',
    labelNames: ['kind', 'where'],
    registers,
  })
  const returned = new Counter({
    name: 'cohort_jobs_returned_total',
    help: 'Jobs that workers did not do, or that came back unusable, by code; after each, this keeper does such jobs for 30 seconds.',
    labelNames: ['kind', 'code'],
    registers,
  })
  const bytes = new Counter({
    name: 'cohort_job_bytes_total',
    help: 'Sealed bytes of jobs and answers.',
    labelNames: ['direction'],
    registers,
  })
  const seconds = new Histogram({
    name: 'cohort_job_seconds',
    help: 'Time from handing a job over to its answer.',
    labelNames: ['kind'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers,
  })
  for (const kind of KEEPER_JOBS) {
    for (const where of ['worker', 'here']) done.inc({ kind, where }, 0)
    for (const code of RETURNED) returned.inc({ kind, code }, 0)
  }
  return { done, returned, bytes, seconds }
}
