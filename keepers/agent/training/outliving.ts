// SPDX-License-Identifier: GPL-3.0-or-later
// A training that may go on when its round is over, in services whose rounds wait for no slower members (decision 0013).

/** A clipped update, before its weight for staleness and before noise. */
export type Trained = {
  readonly update: Float32Array
  /** The number of samples to declare. */
  readonly samples: number
}

/** The place in which a training begins, or for which its update is wanted. */
export type TrainingPlace = {
  readonly epoch: number
  readonly round: number
  /** The version that the model is: 0 for the initial one. */
  readonly version: number
}

type Job = TrainingPlace & {
  readonly abort: AbortController
  readonly result: Promise<Trained>
  running: boolean
  /** Rounds in which the update was encrypted, to be committed to. */
  readonly offered: Set<number>
}

/**
 * Holds at most one training, since this keeper's thread can do only one at a time. It is in memory only: a restarted keeper begins anew, from the
 * version that is then current.
 */
export class OutlivingTraining {
  #job: Job | null = null

  /** Whether the training thread is at work on it. */
  get isRunning(): boolean {
    return this.#job?.running === true
  }

  /** The version that it started from; null without one. */
  get base(): number | null {
    return this.#job?.version ?? null
  }

  /**
   * The update of the training that is under way or finished, or else of a new one.
   * @param begin Starts one. Its signal is aborted by {@link drop} alone: the caller adds the end of the process.
   * @param signal Ends the wait, and leaves the training at work.
   * @returns a copy, the caller's to change; and the rounds in which it was taken before
   * @throws what `begin` rejects with, or the signal's reason
   */
  async take(
    place: TrainingPlace,
    begin: (signal: AbortSignal) => Promise<Trained>,
    signal: AbortSignal,
  ): Promise<Trained & { readonly base: number; readonly earlier: readonly number[] }> {
    signal.throwIfAborted()
    const job = this.#job ?? this.#start(place, begin)
    const over = Promise.withResolvers<never>()
    const stop = (): void => over.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { update, samples } = await Promise.race([job.result, over.promise])
      job.offered.add(place.round)
      const earlier = [...job.offered].filter((round) => round !== place.round)
      return { update: update.slice(), samples, base: job.version, earlier }
    } catch (error) {
      // Repeating this training would fail the same way, but the next round's has another seed.
      if (!signal.aborted && this.#job === job) this.#job = null
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #start(place: TrainingPlace, begin: (signal: AbortSignal) => Promise<Trained>): Job {
    const abort = new AbortController()
    const job: Job = { ...place, abort, result: begin(abort.signal), running: true, offered: new Set() }
    this.#job = job
    const ended = (): void => {
      job.running = false
    }
    job.result.then(ended, ended)
    return job
  }

  /**
   * Gives up an update that cannot be delivered any more, or has been.
   * @param now the place of the round that trains
   * @param maxStaleness versions that an update may be behind
   * @param isCommitted whether the chain has this keeper's commitment in a round
   * @returns the versions that it was behind if that was too many, else null
   */
  settle(now: TrainingPlace, maxStaleness: number, isCommitted: (round: number) => boolean): number | null {
    const job = this.#job
    if (job === null) return null
    const behind = now.version - job.version
    // A reorganisation may have taken back the version that it started from.
    const isGone = job.epoch !== now.epoch || behind < 0
    if ([...job.offered].some(isCommitted) || isGone) {
      this.drop()
      return null
    }
    if (behind <= maxStaleness) return null
    this.drop()
    return behind
  }

  /** Notes that a round has this training's update, if that was offered for the round. */
  delivered(round: number): void {
    if (this.#job?.offered.has(round)) this.drop()
  }

  /** Ends the training, and wipes its update. */
  drop(): void {
    const job = this.#job
    this.#job = null
    if (job === null) return
    job.abort.abort(new Error('the training is not needed any more'))
    job.result.then(({ update }) => update.fill(0)).catch(() => undefined)
  }
}
