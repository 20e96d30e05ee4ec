// SPDX-License-Identifier: GPL-3.0-or-later
// A queue on a server that an attacker can read and write. Each attack is also made on a queue without seals, where it succeeds.
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { Queue } from 'bullmq'
import { expect } from 'chai'
import type { Redis } from 'ioredis'
import { FallbackQueue } from '../../../keepers/jobs/fallback.ts'
import {
  JobError,
  type JobEvent,
  type JobKind,
  LocalQueue,
  openQueue,
  type QueueAccess,
  type WorkerEvent,
} from '../../../keepers/jobs/index.ts'
import { type Compute, QueueWorker } from '../../../keepers/jobs/redis/queue-worker.ts'
import { RedisQueue } from '../../../keepers/jobs/redis/redis-queue.ts'
import { JobSeal, type Place, type Sealing } from '../../../keepers/jobs/seal.ts'
import { RedisServer, redisBinary } from '../../../scripts/test/redis-server.ts'

/** Doubles a text: a kind of the test's own, as small as can be. */
const doubles: JobKind<string, string> = {
  ...{ name: 'gradients', mostInput: 1_000, mostAnswer: 1_000, attempts: 2, pickupMs: 3_000, timeoutMs: 3_000 },
  laneOf: () => 'doubles',
  encodeInput: (text) => new TextEncoder().encode(text),
  decodeInput: async (bytes) => new TextDecoder().decode(bytes),
  encodeAnswer: (text) => new TextEncoder().encode(text),
  decodeAnswer: async (bytes, input) => {
    const text = new TextDecoder().decode(bytes)
    if (text.length !== 2 * input.length) throw new JobError('BAD_ANSWER', `an answer of ${text.length} letters`)
    return text
  },
}
const doubled: Compute = async (_, input) => new Uint8Array([...input, ...input])

/** No seal: whoever can write to the server is believed. */
const nothing: Sealing = { seal: (plain) => plain, open: (sealed) => sealed }
const PREFIX = '{cohort-test}'
const payload = (id: string, what: 'job' | 'answer') => `${PREFIX}:payload:doubles:${id}:${what}`

describe('a queue on a server', function () {
  this.timeout(60_000)
  let server: RedisServer
  let attacker: Redis
  let access: QueueAccess
  before(async function () {
    const binary = redisBinary()
    if (binary === null) {
      process.stderr.write('no redis-server and no valkey-server: the queue is not tested\n')
      return this.skip()
    }
    server = await RedisServer.start(binary)
    attacker = server.client()
    access = server.access()
  })
  after(async () => {
    attacker?.disconnect()
    await server?.stop()
  })

  type Ends = { readonly queue: RedisQueue; readonly events: WorkerEvent[]; readonly inputs: string[] }

  /** A queue and a worker. @param before what happens to a job after it is taken */
  async function between<T>(
    body: (ends: Ends) => Promise<T>,
    options: { readonly sealing?: Sealing; readonly compute?: Compute; readonly before?: () => Promise<void> } = {},
  ): Promise<T> {
    await attacker.flushall()
    const [events, inputs]: [WorkerEvent[], string[]] = [[], []]
    const queue = await RedisQueue.open(access, options.sealing)
    const worker = await QueueWorker.open(access, {
      lanes: [{ lane: 'doubles', kind: doubles as never }],
      concurrency: 1,
      compute: async (kind, input, ms) => {
        inputs.push(new TextDecoder().decode(input))
        await options.before?.()
        return await (options.compute ?? doubled)(kind, input, ms)
      },
      onEvent: (event) => events.push(event),
      ...(options.sealing === undefined ? {} : { sealing: options.sealing }),
    })
    try {
      return await body({ queue, events, inputs })
    } finally {
      await queue.close()
      await worker.close(true)
    }
  }

  const ask = async (queue: RedisQueue, text: string) => await (await queue.submit(doubles, text)).answer()
  const outcome = async (act: Promise<unknown>) =>
    await act.then(
      (value) => value,
      (error: unknown) => (error instanceof JobError ? error.code : Promise.reject(error)),
    )

  /** A seal that keeps what it opened or sealed from being checked in one direction: the defence, switched off. */
  const careless = (direction: Place['direction']): Sealing => {
    const seal = new JobSeal(access.key)
    return {
      seal: (plain, place) => (place.direction === direction ? plain : seal.seal(plain, place)),
      open: (sealed, place) => (place.direction === direction ? sealed : seal.open(sealed, place)),
    }
  }

  it('has jobs done, and neither job nor answer in the clear, nor anything left behind', async () => {
    let seen = ''
    const look = async () => {
      for (const key of await attacker.keys('*:payload:*')) seen += (await attacker.getBuffer(key))!.toString('latin1')
    }
    await between(
      async ({ queue, events }) => {
        expect(await Promise.all(['ab', 'secret', ''].map((text) => ask(queue, text)))).to.deep.equal([
          'abab',
          'secretsecret',
          '',
        ])
        await attacker.ping()
        expect(await attacker.keys('*:payload:*')).to.deep.equal([])
        expect(events.filter(({ event }) => event === 'done')).to.have.length(3)
        expect(queue.traffic.jobs).to.equal(3)
      },
      { before: look },
    )
    expect(seen.length).to.be.above(0)
    expect(seen).to.not.include('secret')
  })

  it('refuses a forged job, which without a seal is done', async () => {
    const forge = async ({ events, inputs }: Ends) => {
      const queue = new Queue('doubles', {
        prefix: PREFIX,
        connection: { host: '127.0.0.1', port: Number(new URL(server.url).port), password: access.password! },
      })
      const id = randomBytes(16).toString('hex')
      await attacker.set(
        payload(id, 'job'),
        Buffer.concat([Buffer.alloc(7, 0xff), Buffer.from('\0forged, and quite long enough to be one')]),
      )
      await queue.add('gradients', {}, { jobId: id, removeOnFail: true })
      while (!events.some(({ event }) => event === 'refused' || event === 'done'))
        await new Promise((resolve) => setImmediate(resolve))
      await queue.close()
      return [inputs, events.filter(({ event }) => event === 'refused').length]
    }
    expect(await between(forge)).to.deep.equal([[], 1])
    expect(await between(forge, { sealing: nothing })).to.deep.equal([['forged, and quite long enough to be one'], 0])
  })

  /** Jobs that wait, which the attacker rearranges before a worker comes. */
  const rearranged = async (sealing: Sealing | undefined, attack: (ids: readonly string[]) => Promise<void>) => {
    await attacker.flushall()
    await using queue = await RedisQueue.open(access, sealing)
    const waiting: Promise<unknown>[] = []
    const ids: string[] = []
    for (const text of ['first', 'other']) {
      waiting.push(outcome((await queue.submit(doubles, text)).answer()))
      const found = (await attacker.keys('*:payload:*:job')).map((key) => key.split(':').at(-2)!)
      ids.push(found.find((id) => !ids.includes(id))!)
    }
    await attack(ids)
    const inputs: string[] = []
    await using _worker = await QueueWorker.open(access, {
      ...{ lanes: [{ lane: 'doubles', kind: doubles as never }], concurrency: 1 },
      compute: async (kind, input, ms) => {
        inputs.push(new TextDecoder().decode(input))
        return await doubled(kind, input, ms)
      },
      ...(sealing === undefined ? {} : { sealing }),
    })
    return [await Promise.all(waiting), inputs]
  }

  it('refuses a job that lies where another was, which without a seal is done in its place', async () => {
    const swap = async ([first, other]: readonly string[]) => {
      await attacker.set(payload(other!, 'job'), (await attacker.getBuffer(payload(first!, 'job')))!)
    }
    expect(await rearranged(undefined, swap)).to.deep.equal([['firstfirst', 'FAILED'], ['first']])
    expect(await rearranged(nothing, swap)).to.deep.equal([
      ['firstfirst', 'firstfirst'],
      ['first', 'first'],
    ])
  })

  it('refuses a job whose time is over, and does one again that the attacker puts back in time', async () => {
    const port = Number(new URL(server.url).port)
    await using queue = await RedisQueue.open(access)
    const bull = new Queue('doubles', {
      prefix: PREFIX,
      connection: { host: '127.0.0.1', port, password: access.password! },
    })
    const inputs: string[] = []
    const refused: string[] = []
    for (const withinMs of [60_000, 100]) {
      await attacker.flushall()
      const stop = new AbortController()
      const submitted = await queue.submit(doubles, 'again', { withinMs, signal: stop.signal })
      const [key] = await attacker.keys('*:payload:*:job')
      const kept = (await attacker.getBuffer(key!))!
      if (withinMs > 100) stop.abort(new JobError('FAILED', 'not wanted any more'))
      expect(await outcome(submitted.answer())).to.equal(withinMs > 100 ? 'FAILED' : 'TIMEOUT')
      const id = key!.split(':').at(-2)!
      const done = Promise.withResolvers<void>()
      await using _worker = await QueueWorker.open(access, {
        ...{ lanes: [{ lane: 'doubles', kind: doubles as never }], concurrency: 1 },
        compute: async (kind, input, ms) => {
          inputs.push(new TextDecoder().decode(input))
          return await doubled(kind, input, ms)
        },
        onEvent: (event) => {
          if (event.event === 'refused') refused.push(event.reason)
          if (event.event === 'refused' || event.event === 'done') done.resolve()
        },
      })
      await attacker.set(key!, kept)
      await bull.add('gradients', {}, { jobId: id, removeOnComplete: true, removeOnFail: true })
      await done.promise
    }
    await bull.close()
    // Pure functions: doing one again tells nobody anything.
    expect(inputs).to.deep.equal(['again'])
    expect(refused).to.have.length(1)
    expect(refused[0]).to.match(/ was to be done by /)
  })

  it('refuses answers that are forged, of another job, cut off or too long, which without a seal it takes', async () => {
    let first: Buffer | null = null
    /** Puts other bytes in place of the worker's answer as soon as it is there. */
    const attack = async (sealing: Sealing | undefined, altered: (own: Buffer) => Buffer): Promise<unknown> => {
      return await between(
        async ({ queue }) => {
          const submitted = await queue.submit(doubles, 'abc')
          const id = await nextAnswer()
          const own = (await attacker.getBuffer(payload(id, 'answer')))!
          first ??= own
          await attacker.set(payload(id, 'answer'), altered(own))
          return await outcome(submitted.answer())
        },
        sealing === undefined ? {} : { sealing },
      )
    }
    const nextAnswer = async (): Promise<string> => {
      for (;;) {
        const [key] = await attacker.keys('*:payload:doubles:*:answer')
        if (key !== undefined) return key.split(':').at(-2)!
      }
    }
    const open = careless('answer')
    expect(await attack(undefined, (own) => own)).to.equal('abcabc')
    const forged = () => Buffer.from('xxxyyy')
    expect(await attack(undefined, forged)).to.equal('NOT_SEALED')
    expect(await attack(open, forged)).to.equal('xxxyyy')
    expect(await attack(undefined, () => first!)).to.equal('NOT_SEALED')
    const flipped = (own: Buffer) => Buffer.from(own.map((byte, i) => (i === own.length - 1 ? byte ^ 1 : byte)))
    expect(await attack(undefined, flipped)).to.equal('NOT_SEALED')
    expect(await attack(open, flipped)).to.equal('abcabb')
    expect(await attack(undefined, (own) => own.subarray(0, -1))).to.equal('NOT_SEALED')
    // Length is checked by the kind as well, whoever sealed it.
    expect(await attack(open, (own) => own.subarray(0, -1))).to.equal('BAD_ANSWER')
    expect(await attack(undefined, () => Buffer.alloc(100_000))).to.equal('BAD_ANSWER')
    expect(await attack(undefined, () => Buffer.alloc(0))).to.equal('BAD_ANSWER')
  })

  it('tries again when a worker fails, gives up with its reason, and goes on without workers', async () => {
    let failures = 1
    const compute: Compute = async (kind, input, ms) => {
      if (failures-- > 0) throw new JobError('FAILED', 'out of\nmemory')
      return await doubled(kind, input, ms)
    }
    await between(
      async ({ queue }) => {
        expect(await ask(queue, 'a')).to.equal('aa')
        failures = 2
        const events: JobEvent[] = []
        const local = new LocalQueue({ gradients: (async (text: string) => `${text}${text}`) as never })
        const both = new FallbackQueue(queue, local, (event) => events.push(event))
        expect(await (await both.submit(doubles, 'b')).answer()).to.equal('bb')
        const [returned, here] = events
        expect(returned).to.include({
          event: 'job returned',
          code: 'FAILED',
          reason: 'workers failed at it: out of memory',
        })
        expect(here).to.include({ event: 'job done', where: 'here' })
        expect(await (await both.submit(doubles, 'c')).answer()).to.equal('cc')
        expect(events[2]).to.include({ event: 'job done', where: 'here' })
      },
      { compute },
    )
  })

  it('gives a job back that no worker takes, that waits too long, or that is aborted', async () => {
    await using queue = await RedisQueue.open(access)
    const hasty = { ...doubles, pickupMs: 100, laneOf: () => 'nobody' }
    expect(await outcome((await queue.submit(hasty, 'a')).answer())).to.equal('TIMEOUT')
    const within = await queue.submit({ ...hasty, pickupMs: 60_000 }, 'a', { withinMs: 100 })
    expect(await outcome(within.answer())).to.equal('TIMEOUT')
    const stop = new AbortController()
    const waiting = await queue.submit({ ...hasty, pickupMs: 60_000 }, 'a', { signal: stop.signal })
    stop.abort(new JobError('FAILED', 'enough'))
    expect(await outcome(waiting.answer())).to.equal('FAILED')
    expect(await outcome(queue.submit(doubles, 'a'.repeat(1_001)))).to.equal('BAD_MESSAGE')
  })

  it('is refused with another password, and when no server is there; work goes on here', async () => {
    const strangers = { ...access, password: 'another' }
    const gone = { ...access, url: 'redis://127.0.0.1:1' }
    for (const wrong of [strangers, gone]) {
      await using remote = await RedisQueue.open(wrong)
      expect(await outcome(remote.ping())).to.equal('UNAVAILABLE')
      const opened = await openQueue(wrong, { gradients: (async (text: string) => `${text}${text}`) as never })
      expect(await (await opened.queue.submit(doubles, 'x')).answer()).to.equal('xx')
      await opened.queue.close()
    }
  })
})
