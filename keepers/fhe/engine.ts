// SPDX-License-Identifier: GPL-3.0-or-later
// The machinery under all operations of this library: the kernel and threads, for one plan.
import { setImmediate } from 'node:timers/promises'
import { ClaimCalculator, type ClaimHelper, type ClaimTask } from './claim-task.ts'
import { Core } from './core.ts'
import { FheError } from './errors.ts'
import type { Kernel } from './kernel/kernel.ts'
import type { Plan } from './plan.ts'
import type { ClaimSums } from './projection.ts'
import { insistOnSeal } from './seal.ts'
import { InlineThreads, PooledThreads, type Threads } from './threads.ts'
import type { Progress } from './types.ts'
import type { Wire } from './wire.ts'

export type EngineOptions = {
  /** Worker threads for the work on ciphertexts; 0 (the default) does everything on the caller's thread. */
  readonly workers?: number
  /** Computes sums over others' published ciphertexts in place of these threads. No secret is in what it is given. */
  readonly claims?: ClaimHelper
}

/** How long the caller's thread may be busy before it lets other events in. */
const YIELD_EVERY_MS = 12

/**
 * The kernel and the threads of one plan, whose parameters SEAL has found secure. Operations on the same engine queue up behind
 * each other. Close it (or `await using`) to end the threads.
 */
export class Engine implements AsyncDisposable {
  readonly plan: Plan
  readonly #core: Core
  readonly #threads: Threads
  /** For the modules of this library. */
  readonly claims: ClaimHelper | null
  readonly #auditor = new ClaimCalculator()
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(plan: Plan, core: Core, threads: Threads, claims: ClaimHelper | null) {
    this.plan = plan
    this.#core = core
    this.#threads = threads
    this.claims = claims
  }

  /** Use `openEngine`. */
  static async open(plan: Plan, options: EngineOptions = {}): Promise<Engine> {
    const { workers = 0 } = options
    if (!Number.isInteger(workers) || workers < 0 || workers > 64) {
      throw new FheError('invalid-argument', `workers is ${workers}; an integer from 0 to 64 is needed`, { workers })
    }
    const [core] = await Promise.all([Core.open(plan), insistOnSeal(plan.set)])
    const threads = workers === 0 ? new InlineThreads(core) : await PooledThreads.open(plan, workers)
    return new Engine(plan, core, threads, options.claims ?? null)
  }

  /** The kernel of the caller's thread. For the modules of this library. */
  get kernel(): Kernel {
    this.#insistOpen()
    return this.#core.kernel
  }

  /** Conversions to and from what travels, on the caller's thread. For the modules of this library. */
  get wire(): Wire {
    this.#insistOpen()
    return this.#core.wire
  }

  /** The threads, for one operation at a time. For the modules of this library. */
  async exclusive<T>(body: (threads: Threads) => Promise<T>): Promise<T> {
    this.#insistOpen()
    const turn = this.#queue.then(() => {
      this.#insistOpen()
      return body(this.#threads)
    })
    this.#queue = turn.catch(() => {})
    return turn
  }

  /** What a helper should have answered. For the modules of this library. */
  async audit(task: ClaimTask): Promise<ClaimSums> {
    return await this.#auditor.compute(task)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue
    await this.#threads.close()
    this.#core[Symbol.dispose]()
    this.#auditor.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #insistOpen(): void {
    if (this.#closed) throw new FheError('engine-closed', 'this engine was closed; open another')
  }
}

/** Opens an engine: 30 ms or so, and as much again for each worker. */
export async function openEngine(plan: Plan, options?: EngineOptions): Promise<Engine> {
  return Engine.open(plan, options)
}

/**
 * Runs `body` for 0 … count − 1, at most `width` at a time, letting events in between. Stops at an abort (throwing the
 * signal's reason) or at the first failure, after running work has ended.
 */
export async function eachOf(
  count: number,
  width: number,
  progress: Progress,
  body: (index: number) => Promise<void> | void,
): Promise<void> {
  let next = 0
  let done = 0
  let failed = false
  let breath = performance.now()
  const lane = async () => {
    while (next < count && !failed) {
      try {
        progress.signal?.throwIfAborted()
        await body(next++)
      } catch (error) {
        failed = true
        throw error
      }
      progress.onProgress?.(++done, count)
      if (performance.now() - breath > YIELD_EVERY_MS) {
        await setImmediate()
        breath = performance.now()
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(width, count) }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
