// SPDX-License-Identifier: GPL-3.0-or-later
// The training of a simulated keeper. Where rounds wait for no slower members it may go on when its round is over (decision 0013).
import type { Account } from './account.ts'
import type { Processor } from './processor.ts'
import type { Service, Spent } from './service.ts'
import { type Process, start, type World } from './world.ts'

/** The keeper that trains. */
type Trainee = { readonly spent: Spent; readonly account: Account; readonly isDead: boolean }
type Job = { readonly base: number; isDone: boolean; isDropped: boolean }

/** Number of parts of a training. It can be given up between two parts. */
const PARTS = 20

export class LocalTraining {
  readonly #world: World
  readonly #service: Service
  /** Processor seconds of a training. */
  readonly #seconds: number
  readonly #processor: Processor
  readonly #trainee: Trainee
  #job: Job | null = null

  constructor(
    around: { readonly world: World; readonly service: Service; readonly trainingSeconds: number },
    processor: Processor,
    trainee: Trainee,
  ) {
    this.#world = around.world
    this.#service = around.service
    this.#seconds = around.trainingSeconds
    this.#processor = processor
    this.#trainee = trainee
  }

  /** Notes that the round has the update. */
  delivered(): void {
    this.#job = null
  }

  /** Trains for a round, or goes on with a training. @returns the version that it started from; null when the round is over before it is done */
  *run(round: number): Process<number | null> {
    const service = this.#service
    const base = service.versions
    const begun = this.#world.now
    if (service.buffer === null) {
      yield* this.#processor.work(this.#seconds)
      this.#trainee.spent.training += this.#world.now - begun
      this.#trainee.account.processor += this.#seconds
      return base
    }
    // The spending of this state, even if others end the state meanwhile.
    const { spent } = this.#trainee
    const job = this.#jobFor(base, service.buffer.maxStaleness)
    yield* service.changed.wait(this.#world, () => job.isDone || service.isPast(round, 'training'))
    spent.training += this.#world.now - begun
    return job.isDone && service.isIn(round, 'training') ? job.base : null
  }

  /** The training under way, or a new one if there is none or it is too stale. */
  #jobFor(versions: number, maxStaleness: number): Job {
    if (this.#job !== null && versions - this.#job.base > maxStaleness) {
      this.#job.isDropped = true
      this.#job = null
    }
    if (this.#job === null) {
      this.#job = { base: versions, isDone: false, isDropped: false }
      start(this.#train(this.#job))
    }
    return this.#job
  }

  *#train(job: Job): Process {
    for (let part = 0; part < PARTS; part++) {
      if (job.isDropped || this.#trainee.isDead || this.#service.isOver) return
      yield* this.#processor.work(this.#seconds / PARTS)
      this.#trainee.account.processor += this.#seconds / PARTS
    }
    job.isDone = true
    this.#service.changed.change()
  }
}
