// SPDX-License-Identifier: GPL-3.0-or-later
// How commands end before they are done: Ctrl-C, SIGTERM, and the end of the process that started them.
import process from 'node:process'
import { interrupted } from './failure.ts'
import { watchParent } from './parent.ts'

/** Runs a command with a signal that Ctrl-C and SIGTERM abort; with `parent`, so does the end of the process that started it. */
export async function interruptible(
  body: (signal: AbortSignal) => Promise<void>,
  options: { readonly parent?: boolean } = {},
): Promise<void> {
  const controller = new AbortController()
  const stop = () => controller.abort(interrupted())
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const unwatch = options.parent === true ? watchParent(stop) : undefined
  try {
    await body(controller.signal)
  } finally {
    unwatch?.()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

/**
 * Runs a daemon until it is told to stop. The first signal lets it finish its current work, the second ends the process at once.
 * The end of the process that started it counts as a first signal.
 */
export async function untilStopped(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort(new Error(`stopped by ${signal}`))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  // On this signal, from any process of the same user, Node would open its debugger on loopback, to every user of the machine. The handler
  // stays for good, because keys may be in memory until the process ends.
  if (process.listenerCount('SIGUSR1') === 0) process.on('SIGUSR1', () => undefined)
  const unwatch = watchParent(() => stop.abort(new Error('the process that started this one is gone')))
  try {
    await body(stop.signal)
  } finally {
    unwatch()
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
