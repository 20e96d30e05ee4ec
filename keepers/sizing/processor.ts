// SPDX-License-Identifier: GPL-3.0-or-later
import type { Process, World } from './world.ts'

type Job = { readonly end: number; readonly order: number; readonly resume: () => void }

/**
 * The cores of one machine. Jobs that run at the same time share them evenly, and none gets more than one core: processor sharing, by
 * virtual time, which runs at the speed of a single job.
 */
export class Processor {
  readonly #world: World
  readonly #cores: number
  readonly #speed: number
  /** Virtual time: CPU seconds that a job would have got if it had run since the world began. */
  #served = 0
  #at = 0
  #version = 0
  #order = 0
  #jobs: Job[] = []

  /** @param speed Of a core, relative to the machine on which the costs were measured. */
  constructor(world: World, cores: number, speed = 1) {
    this.#world = world
    this.#cores = cores
    this.#speed = speed
  }

  /** Works for so many processor seconds. */
  *work(seconds: number): Process {
    if (seconds <= 0) return
    yield (resume) => {
      this.#serve()
      const job = { end: this.#served + seconds, order: this.#order++, resume }
      let place = this.#jobs.length
      while (place > 0 && this.#jobs[place - 1]!.end > job.end) place--
      this.#jobs.splice(place, 0, job)
      this.#arm()
    }
  }

  /** CPU seconds that each job gets per second. */
  get #rate(): number {
    return this.#speed * Math.min(1, this.#cores / this.#jobs.length)
  }

  #serve(): void {
    if (this.#jobs.length > 0) this.#served += (this.#world.now - this.#at) * this.#rate
    this.#at = this.#world.now
  }

  #arm(): void {
    const version = ++this.#version
    const [first] = this.#jobs
    if (first === undefined) return
    this.#world.at(this.#world.now + (first.end - this.#served) / this.#rate, () => {
      if (version !== this.#version) return
      this.#serve()
      this.#served = Math.max(this.#served, first.end)
      this.#jobs.shift()
      this.#arm()
      first.resume()
    })
  }
}
