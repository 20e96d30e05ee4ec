// SPDX-License-Identifier: GPL-3.0-or-later
// A worker's /healthz and /metrics, for supervisors. They show counts, never jobs.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { JOB_NAMES, type WorkerEvent } from '../jobs/index.ts'

export class WorkerHealth {
  readonly #registry = new Registry()
  readonly #jobs: Counter<'kind' | 'outcome'>
  readonly #bytes: Counter<'direction'>
  readonly #seconds: Histogram<'kind'>
  readonly #connected: Gauge
  #server: Server | null = null

  constructor() {
    const registers = [this.#registry]
    this.#jobs = new Counter({
      name: 'cohort_worker_jobs_total',
      help: 'Jobs by kind and by what came of them; refused are those that this operator did not seal.',
      labelNames: ['kind', 'outcome'],
      registers,
    })
    this.#bytes = new Counter({
      name: 'cohort_worker_bytes_total',
      help: 'Sealed bytes of jobs and answers.',
      labelNames: ['direction'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'cohort_worker_job_seconds',
      help: 'Time from taking a job to its answer on the server.',
      labelNames: ['kind'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
      registers,
    })
    this.#connected = new Gauge({
      name: 'cohort_worker_connected',
      help: 'One while the queue’s server answers, else zero.',
      registers,
    })
    for (const kind of JOB_NAMES) {
      for (const outcome of ['done', 'failed', 'refused']) this.#jobs.inc({ kind, outcome }, 0)
    }
    collectDefaultMetrics({ register: this.#registry })
  }

  note(event: WorkerEvent): void {
    if ('server' in event) {
      this.#connected.set(event.event === 'connected' ? 1 : 0)
      return
    }
    this.#jobs.inc({ kind: event.kind, outcome: event.event })
    if (event.event !== 'done') return
    this.#seconds.observe({ kind: event.kind }, event.ms / 1_000)
    this.#bytes.inc({ direction: 'sent' }, event.sent)
    this.#bytes.inc({ direction: 'received' }, event.received)
  }

  /** @returns the port. @throws the system's error */
  async listen(host: string, port: number, isConnected: () => boolean): Promise<number> {
    const server = createServer(async (request, response) => {
      if (request.method !== 'GET' || !['/healthz', '/metrics'].includes(request.url ?? '')) {
        response.writeHead(404).end()
      } else if (request.url === '/healthz') {
        const connected = isConnected()
        response.writeHead(connected ? 200 : 503, { 'content-type': 'application/json' })
        response.end(`${JSON.stringify({ connected })}\n`)
      } else {
        const text = await this.#registry.metrics()
        response.writeHead(200, { 'content-type': this.#registry.contentType }).end(text)
      }
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => resolve())
    })
    return (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const server = this.#server
    if (server === null) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
