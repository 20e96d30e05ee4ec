// SPDX-License-Identifier: GPL-3.0-or-later
// Where the work on single ciphertexts runs: on the caller's thread, or on a pool of workers.
import { Worker } from 'node:worker_threads'
import type { Core, Product, Values } from './core.ts'
import { FheError } from './errors.ts'
import type { Plan } from './plan.ts'
import type { ClaimSeeds, ClaimSums } from './projection.ts'
import type { Task, TaskResult, WorkerMessage, WorkerRequest } from './worker.ts'

/** The operations of a core, wherever it runs. Opening and closing reaches every thread. */
export interface Threads {
  /** How many ciphertexts can be worked on at once. */
  readonly size: number
  openProduct(product: Product): Promise<void>
  /** The values are the caller's to wipe; a worker takes them over, and wipes them. */
  encrypt(index: number, values: Float64Array, out: Uint8Array): Promise<void>
  share(index: number, out: Uint8Array): Promise<void>
  /** Needs the open product of the ciphertext's encryption. */
  project(index: number, c0: Uint8Array, seed: Uint8Array): Promise<Uint8Array>
  closeProduct(): Promise<void>
  openClaim(seeds: ClaimSeeds): Promise<void>
  addToClaim(index: number, c0: Uint8Array): Promise<void>
  /** The sums of each thread. */
  closeClaim(): Promise<readonly ClaimSums[]>
  decode(sums: Uint8Array, terms: number): Promise<Values>
  close(): Promise<void>
}

/** Everything on the caller's thread. */
export class InlineThreads implements Threads {
  readonly size = 1
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  async openProduct(product: Product): Promise<void> {
    this.#core.openProduct(product)
  }

  async encrypt(index: number, values: Float64Array, out: Uint8Array): Promise<void> {
    this.#core.encrypt(index, values, out)
  }

  async share(index: number, out: Uint8Array): Promise<void> {
    this.#core.share(index, out)
  }

  async project(index: number, c0: Uint8Array, seed: Uint8Array): Promise<Uint8Array> {
    return this.#core.project(index, c0, seed)
  }

  async closeProduct(): Promise<void> {
    this.#core.closeProduct()
  }

  async openClaim(seeds: ClaimSeeds): Promise<void> {
    this.#core.openClaim(seeds)
  }

  async addToClaim(index: number, c0: Uint8Array): Promise<void> {
    this.#core.addToClaim(index, c0)
  }

  async closeClaim(): Promise<readonly ClaimSums[]> {
    const sums = this.#core.closeClaim()
    return sums === null ? [] : [sums]
  }

  async decode(sums: Uint8Array, terms: number): Promise<Values> {
    return this.#core.decode(sums, terms)
  }

  async close(): Promise<void> {}
}

/** A lane works in WebAssembly's memory and leaves little behind. V8 would let its young objects grow to 48 MiB before it looks. */
const YOUNG_MIB = 8
/** Far more than a lane ever needs beside the kernel: one that leaks ends, and the work fails, before it takes the machine's memory. */
const OLD_MIB = 64

type Pending = { readonly resolve: (result: TaskResult) => void; readonly reject: (error: Error) => void }

/** One worker thread and the tasks it still owes. */
class Lane {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly ready: Promise<void>
  #next = 0
  #dead: Error | null = null

  constructor(plan: Plan) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { cohortFhe: plan },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB, maxOldGenerationSizeMb: OLD_MIB },
    })
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') {
          this.#worker.unref()
          return resolve()
        }
        const pending = this.#pending.get(message.id)
        this.#pending.delete(message.id)
        if (message.kind === 'done') pending?.resolve(message.result)
        else pending?.reject(message.error instanceof Error ? message.error : FheError.fromObject(message.error))
      })
      const fail = (error: Error) => {
        this.#dead = error
        reject(error)
        for (const pending of this.#pending.values()) pending.reject(error)
        this.#pending.clear()
      }
      this.#worker.on('error', fail)
      this.#worker.on('exit', () => fail(new FheError('engine-closed', 'the worker thread has ended')))
    })
    // A lane that fails before anyone waits for it must not end the process; `run` reports it.
    this.ready.catch(() => {})
  }

  get load(): number {
    return this.#pending.size
  }

  run(task: Task, transfer: readonly ArrayBuffer[] = []): Promise<TaskResult> {
    if (this.#dead !== null) return Promise.reject(this.#dead)
    const id = this.#next++
    const result = new Promise<TaskResult>((resolve, reject) => this.#pending.set(id, { resolve, reject }))
    // The process must stay alive during work, and may end without any.
    this.#worker.ref()
    this.#worker.postMessage({ id, task } satisfies WorkerRequest, transfer)
    return result.finally(() => {
      if (this.#pending.size === 0) this.#worker.unref()
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** A pool of workers, each with its own kernel. */
export class PooledThreads implements Threads {
  readonly #lanes: readonly Lane[]

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes
  }

  static async open(plan: Plan, workers: number): Promise<PooledThreads> {
    const lanes = Array.from({ length: workers }, () => new Lane(plan))
    try {
      await Promise.all(lanes.map((lane) => lane.ready))
    } catch (error) {
      await Promise.all(lanes.map((lane) => lane.close()))
      throw error
    }
    return new PooledThreads(lanes)
  }

  /** Twice the workers, so that none waits for the main thread to hand it the next ciphertext. */
  get size(): number {
    return 2 * this.#lanes.length
  }

  async openProduct({ secret, noiseSeed, factors, roundSeed }: Product): Promise<void> {
    const shared = new Uint8Array(new SharedArrayBuffer(secret.length + noiseSeed.length))
    shared.set(secret)
    shared.set(noiseSeed, secret.length)
    const product = {
      secret: shared.subarray(0, secret.length),
      noiseSeed: shared.subarray(secret.length),
      factors,
      roundSeed: roundSeed.slice(),
    }
    try {
      await this.#everywhere({ op: 'openProduct', product })
    } finally {
      shared.fill(0)
    }
  }

  async encrypt(index: number, values: Float64Array, out: Uint8Array): Promise<void> {
    const task = { op: 'encrypt', index, values, bytes: out.length } as const
    out.set((await this.#least(task, [values.buffer as ArrayBuffer])) as Uint8Array)
  }

  async share(index: number, out: Uint8Array): Promise<void> {
    out.set((await this.#least({ op: 'share', index, bytes: out.length }, [])) as Uint8Array)
  }

  async project(index: number, c0: Uint8Array, seed: Uint8Array): Promise<Uint8Array> {
    const copy = c0.slice()
    return (await this.#least({ op: 'project', index, c0: copy, seed }, [copy.buffer])) as Uint8Array
  }

  async closeProduct(): Promise<void> {
    await this.#everywhere({ op: 'closeProduct' })
  }

  async openClaim(seeds: ClaimSeeds): Promise<void> {
    await this.#everywhere({ op: 'openClaim', seeds })
  }

  async addToClaim(index: number, c0: Uint8Array): Promise<void> {
    const copy = c0.slice()
    await this.#least({ op: 'addToClaim', index, c0: copy }, [copy.buffer])
  }

  async closeClaim(): Promise<readonly ClaimSums[]> {
    const sums = await this.#everywhere({ op: 'closeClaim' })
    return sums.filter((part): part is ClaimSums => part !== undefined)
  }

  async decode(sums: Uint8Array, terms: number): Promise<Values> {
    const copy = sums.slice()
    return (await this.#least({ op: 'decode', sums: copy, terms }, [copy.buffer])) as Values
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }

  async #everywhere(task: Task): Promise<readonly TaskResult[]> {
    return Promise.all(this.#lanes.map((lane) => lane.run(task)))
  }

  #least(task: Task, transfer: readonly ArrayBuffer[]): Promise<TaskResult> {
    const lane = this.#lanes.reduce((least, other) => (other.load < least.load ? other : least))
    return lane.run(task, transfer)
  }
}
