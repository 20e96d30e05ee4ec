// SPDX-License-Identifier: GPL-3.0-or-later
// snarkjs reports failure as false, -1 or an exception, and says why only to its logger.
import { holdSnarkjsThreads } from '../prove/snarkjs.ts'

type Snarkjs = typeof import('snarkjs')
type Logger = {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** Runs one call and ends the threads that snarkjs leaves behind. */
export async function withSnarkjs<T>(call: (snarkjs: Snarkjs) => Promise<T>): Promise<T> {
  const release = holdSnarkjsThreads()
  try {
    return await call(await import('snarkjs'))
  } finally {
    await release()
  }
}

export function captureMessages(): { logger: Logger; lastError(): string } {
  let last = 'snarkjs gave no reason'
  const ignore = () => undefined
  const keep = (message: string) => {
    last = message
  }
  return { logger: { debug: ignore, info: ignore, warn: keep, error: keep }, lastError: () => last }
}
