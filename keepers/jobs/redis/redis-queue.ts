// SPDX-License-Identifier: GPL-3.0-or-later
// The queue on a server, from the side that has work. BullMQ keeps track of order, attempts and silent workers, and the server has only sealed bytes.
// Of what the server says, only answers count that were sealed with the operator's key for the submitted job.
import { randomBytes } from 'node:crypto'
import type { Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import type { QueueAccess } from '../config.ts'
import { JobError, quoted } from '../errors.ts'
import type { JobKind } from '../kind.ts'
import type { JobOptions, JobQueue, SubmittedJob } from '../queue.ts'
import { digestOf, JobSeal, SEALED_OVERHEAD, type Sealing } from '../seal.ts'
import { connectionOf, loadBull, payloadKey, prefixOf, unavailable } from './connection.ts'
import { PendingJob } from './pending.ts'

/** Milliseconds between attempts. */
const BACKOFF_MS = 200
/** Bytes before a job's input, which state its deadline in Unix milliseconds. */
export const EXPIRY_BYTES = 8

type Channel = { readonly queue: Queue; readonly events: QueueEvents; readonly pending: Map<string, PendingJob> }

/** Bytes sent to the server and received from it, and the number of jobs. */
export type QueueTraffic = { sent: number; received: number; jobs: number }

export class RedisQueue implements JobQueue {
  readonly #access: QueueAccess
  readonly #seal: Sealing
  readonly #bull: Awaited<ReturnType<typeof loadBull>>
  readonly #client: Redis
  readonly #channels = new Map<string, Promise<Channel>>()
  readonly traffic: QueueTraffic = { sent: 0, received: 0, jobs: 0 }
  #closed = false

  private constructor(
    access: QueueAccess,
    bull: Awaited<ReturnType<typeof loadBull>>,
    client: Redis,
    sealing: Sealing,
  ) {
    this.#access = access
    this.#seal = sealing
    this.#bull = bull
    this.#client = client
  }

  /**
   * Does not wait for the server: jobs are refused with UNAVAILABLE while it is away.
   * @param sealing Another one only in tests, which show by it what sealing prevents
   */
  static async open(access: QueueAccess, sealing: Sealing = new JobSeal(access.key)): Promise<RedisQueue> {
    const bull = await loadBull()
    const client = new bull.Redis(connectionOf(access, false))
    // Every command reports its own failure; without a listener, ioredis prints.
    client.on('error', () => undefined)
    return new RedisQueue(access, bull, client, sealing)
  }

  /** @throws JobError UNAVAILABLE unless the server answers; for doctors and the start of a command */
  async ping(signal?: AbortSignal): Promise<void> {
    try {
      await this.#connected(signal)
      await this.#client.ping()
    } catch (cause) {
      signal?.throwIfAborted()
      throw unavailable(this.#access, cause)
    }
  }

  async submit<I, O>(kind: JobKind<I, O>, input: I, options: JobOptions = {}): Promise<SubmittedJob<O>> {
    const { signal, withinMs = Number.POSITIVE_INFINITY } = options
    signal?.throwIfAborted()
    if (this.#closed) throw new JobError('UNAVAILABLE', 'this queue is closed')
    const lane = kind.laneOf(input)
    const bytes = await kind.encodeInput(input)
    if (bytes.length > kind.mostInput) {
      throw new JobError('BAD_MESSAGE', `a job of ${bytes.length} bytes, ${kind.name} have ${kind.mostInput} at most`)
    }
    const id = randomBytes(16).toString('hex')
    const allAttemptsMs = kind.pickupMs + kind.attempts * (kind.timeoutMs + this.#access.silentMs)
    const lifeMs = Math.max(1, Math.round(Math.min(allAttemptsMs, withinMs)))
    const plain = new Uint8Array(EXPIRY_BYTES + bytes.length)
    new DataView(plain.buffer).setBigUint64(0, BigInt(Date.now() + lifeMs), true)
    plain.set(bytes, EXPIRY_BYTES)
    const place = { queue: this.#access.name, lane, id } as const
    const sealed = this.#seal.seal(plain, { ...place, direction: 'job' })
    const job = digestOf(sealed)
    const pending = new PendingJob(kind, lifeMs)
    let channel: Channel
    try {
      await this.#connected(signal)
      channel = await this.#channel(lane)
      channel.pending.set(id, pending)
      await this.#client.set(this.#key(lane, id, 'job'), Buffer.from(sealed), 'PX', lifeMs)
      await channel.queue.add(
        kind.name,
        {},
        {
          jobId: id,
          attempts: kind.attempts,
          backoff: { type: 'fixed', delay: BACKOFF_MS },
          removeOnComplete: true,
          removeOnFail: true,
        },
      )
    } catch (cause) {
      pending.fail(unavailable(this.#access, cause))
      signal?.throwIfAborted()
      throw unavailable(this.#access, cause)
    }
    this.traffic.jobs++
    this.traffic.sent += sealed.length
    pending.start(signal)
    return {
      answer: async () => {
        try {
          await pending.finished
          const given = await this.#fetch(lane, id, kind.mostAnswer + SEALED_OVERHEAD)
          const opened = this.#seal.open(given, { ...place, direction: 'answer', job })
          return await kind.decodeAnswer(opened, input)
        } finally {
          channel.pending.delete(id)
          this.#forget(channel, lane, id)
        }
      },
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const opened of this.#channels.values()) {
      const channel = await opened.catch(() => null)
      if (channel === null) continue
      for (const pending of channel.pending.values()) pending.fail(new JobError('UNAVAILABLE', 'this queue is closed'))
      await Promise.allSettled([channel.events.close(), channel.queue.close()])
    }
    this.#client.disconnect()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #key(lane: string, id: string, what: 'job' | 'answer'): string {
    return payloadKey(this.#access, lane, id, what)
  }

  /** Fetches an answer of at most `most` bytes. */
  async #fetch(lane: string, id: string, most: number): Promise<Uint8Array> {
    let given: Buffer
    try {
      given = await this.#client.getrangeBuffer(this.#key(lane, id, 'answer'), 0, most)
    } catch (cause) {
      throw unavailable(this.#access, cause)
    }
    this.traffic.received += given.length
    if (given.length > most) throw new JobError('BAD_ANSWER', `an answer of more than ${most} bytes`)
    if (given.length === 0) throw new JobError('BAD_ANSWER', 'the job is said to be done, and there is no answer')
    return given
  }

  /** Removes a job from the server as far as possible. Whatever stays behind expires. */
  #forget({ queue }: Channel, lane: string, id: string): void {
    if (this.#closed) return
    this.#client.del(this.#key(lane, id, 'job'), this.#key(lane, id, 'answer')).catch(() => undefined)
    queue.remove(id).catch(() => undefined)
  }

  /** Resolves once the server can be reached. */
  #connected(signal?: AbortSignal): Promise<void> {
    if (this.#client.status === 'ready') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const done = (error?: unknown) => {
        this.#client.off('ready', done).off('error', done)
        signal?.removeEventListener('abort', done)
        clearTimeout(timer)
        if (error === undefined) resolve()
        else reject(error instanceof Error ? error : new Error('it takes too long to connect'))
      }
      const timer = setTimeout(() => done(new Error('it takes too long to connect')), CONNECT_MS)
      this.#client.once('ready', () => done()).once('error', done)
      signal?.addEventListener('abort', () => done(signal.reason), { once: true })
    })
  }

  #channel(lane: string): Promise<Channel> {
    let channel = this.#channels.get(lane)
    if (channel === undefined) {
      channel = this.#openChannel(lane)
      this.#channels.set(lane, channel)
      channel.catch(() => this.#channels.delete(lane))
    }
    return channel
  }

  async #openChannel(lane: string): Promise<Channel> {
    const { Queue, QueueEvents } = this.#bull
    const prefix = prefixOf(this.#access)
    // Reads from the last event before now, so that an event that comes while the reader connects is not lost.
    const [last] = await this.#client.xrevrange(`${prefix}:${lane}:events`, '+', '-', 'COUNT', 1)
    const queue = new Queue(lane, { prefix, connection: connectionOf(this.#access, false), skipWaitingForReady: false })
    const events = new QueueEvents(lane, {
      prefix,
      connection: connectionOf(this.#access, true),
      lastEventId: last?.[0] ?? '0-0',
    })
    queue.on('error', () => undefined)
    events.on('error', () => undefined)
    const pending = new Map<string, PendingJob>()
    events.on('active', ({ jobId }) => pending.get(jobId)?.taken())
    events.on('waiting', ({ jobId }) => pending.get(jobId)?.put())
    events.on('completed', ({ jobId }) => pending.get(jobId)?.done())
    events.on('failed', ({ jobId, failedReason }) => {
      pending.get(jobId)?.fail(new JobError('FAILED', `workers failed at it: ${quoted(failedReason)}`))
    })
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
    return { queue, events, pending }
  }
}

/** Milliseconds to wait for a server that is away, before a job is done here. */
const CONNECT_MS = 3_000
