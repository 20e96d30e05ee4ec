// SPDX-License-Identifier: GPL-3.0-or-later
// The queue on a server, from the side that does the work. A job counts only if it was sealed with the operator's key for exactly its place, and only
// until its time is over. Everything about it is read from the sealed bytes, never from what the server says.
import type { Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import type { QueueAccess } from '../config.ts'
import { JobError, quoted } from '../errors.ts'
import type { JobKind, JobName } from '../kind.ts'
import { digestOf, JobSeal, SEALED_OVERHEAD, type Sealing } from '../seal.ts'
import { connectionOf, loadBull, payloadKey, prefixOf, unavailable } from './connection.ts'
import { EXPIRY_BYTES } from './redis-queue.ts'

/** How often a job's worker may fall silent: a machine that vanishes is not the job's fault. */
const MOST_SILENCES = 10
/** Milliseconds for which an answer stays on the server. */
const ANSWER_MS = 300_000

/** A lane from which a worker takes jobs, and their kind. */
export type Lane = { readonly lane: string; readonly kind: JobKind<never, unknown> }

/** Computes an encoded answer from an encoded input. */
export type Compute = (kind: JobName, input: Uint8Array, timeoutMs: number) => Promise<Uint8Array>

export type WorkerEvent =
  | { readonly event: 'connected' | 'disconnected'; readonly server: string; readonly reason?: string }
  | {
      readonly event: 'done'
      readonly kind: JobName
      readonly ms: number
      readonly sent: number
      readonly received: number
    }
  | { readonly event: 'failed'; readonly kind: JobName; readonly reason: string }
  /** The job was not sealed by this operator for this place and time. */
  | { readonly event: 'refused'; readonly kind: JobName; readonly reason: string }

type Options = {
  readonly lanes: readonly Lane[]
  /** Jobs of one lane at once. */
  readonly concurrency: number
  readonly compute: Compute
  readonly onEvent?: (event: WorkerEvent) => void
  /** Replaced only in tests, to show what sealing prevents. */
  readonly sealing?: Sealing
}

export class QueueWorker implements AsyncDisposable {
  readonly #access: QueueAccess
  readonly #seal: Sealing
  readonly #client: Redis
  readonly #compute: Compute
  readonly #say: (event: WorkerEvent) => void
  #workers: Worker[] = []
  #connected = false

  private constructor(access: QueueAccess, client: Redis, options: Options) {
    this.#access = access
    this.#seal = options.sealing ?? new JobSeal(access.key)
    this.#client = client
    this.#compute = options.compute
    this.#say = options.onEvent ?? (() => undefined)
  }

  /** Whether the server was reachable at the last event of the connection. */
  get connected(): boolean {
    return this.#connected
  }

  /** Starts to take jobs, and continues after the server was away. */
  static async open(access: QueueAccess, options: Options): Promise<QueueWorker> {
    const { Worker, UnrecoverableError, Redis } = await loadBull()
    const client = new Redis(connectionOf(access, true))
    const worker = new QueueWorker(access, client, options)
    worker.#watch()
    worker.#workers = options.lanes.map(({ lane, kind }) => {
      const taker = new Worker(
        lane,
        async (job: Job) => {
          try {
            await worker.#do(kind, lane, job.id ?? '')
          } catch (error) {
            const { code, message } = error instanceof JobError ? error : { code: 'FAILED', message: String(error) }
            const final = code === 'NOT_SEALED' || code === 'BAD_MESSAGE'
            worker.#say({ event: final ? 'refused' : 'failed', kind: kind.name, reason: quoted(message) })
            // Other workers could not read the job either, so it must not be tried again.
            throw final ? new UnrecoverableError(quoted(message)) : new Error(quoted(message))
          }
        },
        {
          prefix: prefixOf(access),
          connection: connectionOf(access, true),
          concurrency: options.concurrency,
          lockDuration: access.silentMs,
          stalledInterval: access.silentMs / 2,
          maxStalledCount: MOST_SILENCES,
        },
      )
      taker.on('error', () => undefined)
      return taker
    })
    return worker
  }

  /** Finishes the jobs under way. @param force Leaves them to other workers, who notice after `silentSeconds`. */
  async close(force = false): Promise<void> {
    await Promise.allSettled(this.#workers.map((worker) => worker.close(force)))
    this.#client.disconnect()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #do(kind: JobKind<never, unknown>, lane: string, id: string): Promise<void> {
    const start = performance.now()
    if (!/^[0-9a-f]{32}$/.test(id)) throw new JobError('NOT_SEALED', `'${id}' is not the name of a job`)
    const place = { queue: this.#access.name, lane, id } as const
    const most = kind.mostInput + EXPIRY_BYTES + SEALED_OVERHEAD
    const sealed = await this.#fetch(payloadKey(this.#access, lane, id, 'job'), most)
    const plain = this.#seal.open(sealed, { ...place, direction: 'job' })
    if (plain.length < EXPIRY_BYTES) throw new JobError('BAD_MESSAGE', 'a job without a time')
    const expiry = Number(new DataView(plain.buffer, plain.byteOffset, EXPIRY_BYTES).getBigUint64(0, true))
    if (Date.now() > expiry)
      throw new JobError('NOT_SEALED', `job ${id} was to be done by ${new Date(expiry).toISOString()}`)
    const answer = await this.#compute(kind.name, plain.subarray(EXPIRY_BYTES), kind.timeoutMs)
    const given = this.#seal.seal(answer, { ...place, direction: 'answer', job: digestOf(sealed) })
    await this.#client.set(payloadKey(this.#access, lane, id, 'answer'), Buffer.from(given), 'PX', ANSWER_MS)
    const ms = performance.now() - start
    this.#say({ event: 'done', kind: kind.name, ms, sent: given.length, received: sealed.length })
  }

  async #fetch(key: string, most: number): Promise<Uint8Array> {
    const sealed = await this.#client.getrangeBuffer(key, 0, most).catch((cause: unknown) => {
      throw unavailable(this.#access, cause)
    })
    if (sealed.length > most) throw new JobError('NOT_SEALED', `a job of more than ${most} bytes`)
    if (sealed.length === 0)
      throw new JobError('NOT_SEALED', 'the job has nothing in it: its time is over, or nobody made it')
    return sealed
  }

  #watch(): void {
    const server = new URL(this.#access.url).host
    this.#client.on('ready', () => {
      this.#connected = true
      this.#say({ event: 'connected', server })
    })
    this.#client.on('error', (error) => {
      if (this.#connected) this.#say({ event: 'disconnected', server, reason: quoted(error.message) })
      this.#connected = false
    })
    this.#client.on('close', () => {
      this.#connected = false
    })
  }
}
