// SPDX-License-Identifier: GPL-3.0-or-later
/** Time as the keeper sees it; tests replace it. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds that only go forward, at the pace of time: for how long something takes. {@link steady} does without. */
  steady?(): number
  /** Resolves after that many milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.timeOrigin + performance.now(),
  async sleep(milliseconds, signal) {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => reject(signal?.reason)
    const timer = setTimeout(resolve, milliseconds)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  },
}

/**
 * Milliseconds by which to measure how long something takes, and when to do something again. Do not measure with `now`: if somebody sets
 * the machine's clock back, a caller that waits by it waits that much longer.
 */
export function steady(clock: Pick<Clock, 'now' | 'steady'>): number {
  return clock.steady?.() ?? clock.now()
}

/** Delay before attempt `attempt` (0-based): doubles from `base` to at most `limit`, with ±25 % jitter. Milliseconds. */
export function backoff(attempt: number, base = 250, limit = 15_000, random: () => number = Math.random): number {
  const nominal = Math.min(limit, base * 2 ** Math.min(attempt, 16))
  return nominal * (0.75 + 0.5 * random())
}
