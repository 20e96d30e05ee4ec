// SPDX-License-Identifier: GPL-3.0-or-later
// Discrete events: a clock that jumps from event to event, and processes that wait on it. Processes are generators, so that everything runs
// in one order, which follows from the order of calls alone.

/** Something that a process waits for. It receives a function that resumes the process. */
export type Wait = (resume: () => void) => void
/** A process of the simulated world. */
export type Process<T = void> = Generator<Wait, T, void>

type Event = { readonly at: number; readonly order: number; readonly run: () => void }

/** Simulated time in seconds, and the events to come. */
export class World {
  #now = 0
  #order = 0
  readonly #events: Event[] = []

  get now(): number {
    return this.#now
  }

  /** Schedules `run` for a time. Events of the same time run in the order in which they were scheduled. */
  at(time: number, run: () => void): void {
    const event = { at: Math.max(time, this.#now), order: this.#order++, run }
    const heap = this.#events
    let place = heap.push(event) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!isBefore(event, heap[above]!)) break
      heap[place] = heap[above]!
      place = above
    }
    heap[place] = event
  }

  /** Runs until nothing is left to happen. @param signal Looked at every few thousand events. */
  run(signal?: AbortSignal): void {
    for (let ran = 1; this.#events.length > 0; ran++) {
      if (ran % 4096 === 0) signal?.throwIfAborted()
      const { at, run } = this.#next()
      this.#now = at
      run()
    }
  }

  #next(): Event {
    const heap = this.#events
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, last)) break
      heap[place] = heap[below]!
      place = below
    }
    heap[place] = last
    return first
  }

  *sleep(seconds: number): Process {
    if (seconds > 0) yield (resume) => this.at(this.#now + seconds, resume)
  }

  *until(time: number): Process {
    yield* this.sleep(time - this.#now)
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Starts a process now. */
export function start<T>(process: Process<T>, onDone?: (result: T) => void): void {
  const step = (): void => {
    const { done, value } = process.next()
    if (done) onDone?.(value)
    else value(step)
  }
  step()
}

/** Runs processes in their order, at most `atOnce` at a time. */
export function* all<T>(processes: readonly (() => Process<T>)[], atOnce = processes.length): Process<T[]> {
  const results = new Array<T>(processes.length)
  if (processes.length === 0) return results
  yield (resume) => {
    let next = 0
    let left = processes.length
    const one = (): void => {
      const at = next++
      start(processes[at]!(), (result) => {
        results[at] = result
        left--
        if (left === 0) resume()
        else if (next < processes.length) one()
      })
    }
    // A process that ends immediately starts the next one itself.
    for (let i = 0; i < atOnce && next < processes.length; i++) one()
  }
  return results
}

/** A condition that processes wait for. */
export class Condition {
  #waiting: (() => void)[] = []

  /** Has all waiting processes check again. */
  change(): void {
    const woken = this.#waiting
    this.#waiting = []
    for (const resume of woken) resume()
  }

  /** Waits until `holds` is true. @returns whether that was before `until` (a time of the world) */
  *wait(world: World, holds: () => boolean, until = Number.POSITIVE_INFINITY): Process<boolean> {
    while (!holds()) {
      if (world.now >= until) return false
      yield (resume) => {
        let isOver = false
        const once = (): void => {
          if (!isOver) resume()
          isOver = true
        }
        this.#waiting.push(once)
        if (until < Number.POSITIVE_INFINITY) world.at(until, once)
      }
    }
    return true
  }
}
