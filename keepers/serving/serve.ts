// SPDX-License-Identifier: GPL-3.0-or-later
import { backoff, type Clock, steady, systemClock } from '../chain/index.ts'
import type { Answer, InferenceServer } from './server.ts'

export type ServeOptions = {
  readonly signal: AbortSignal
  readonly onAnswer: (answer: Answer) => void
  /** Called when a request could not be answered. The server retries it with growing pauses while it is open. */
  readonly onFailure: (requestId: string, error: Error) => void
  /** Milliseconds between looks at the chain. */
  readonly interval?: number
  readonly clock?: Clock
}

/** Longest wait before a failed request is tried again, in milliseconds. */
const RETRY_LIMIT = 300_000

/** Answers open requests, oldest first, one at a time, until the signal is aborted. Never throws because of a request. */
export async function serveRequests(server: InferenceServer, options: ServeOptions): Promise<void> {
  const { signal, interval = 2_000, clock = systemClock } = options
  const failed = new Map<string, { attempts: number; next: number }>()
  while (!signal.aborted) {
    try {
      const open = await server.openRequests()
      for (const requestId of failed.keys()) if (!open.includes(requestId)) failed.delete(requestId)
      for (const requestId of open) {
        if (signal.aborted) return
        const before = failed.get(requestId)
        if (before !== undefined && before.next > steady(clock)) continue
        try {
          options.onAnswer(await server.answer(requestId, signal))
          failed.delete(requestId)
        } catch (error) {
          if (signal.aborted) return
          const attempts = (before?.attempts ?? 0) + 1
          failed.set(requestId, { attempts, next: steady(clock) + backoff(attempts, interval, RETRY_LIMIT) })
          options.onFailure(requestId, error as Error)
        }
      }
    } catch (error) {
      // The endpoint is away, so nothing can be answered until it is back.
      options.onFailure('', error as Error)
    }
    await clock.sleep(interval, signal).catch(() => undefined)
  }
}
