// SPDX-License-Identifier: GPL-3.0-or-later
import { constants } from 'node:os'

/** Makes these signals end the process through `process.exit`, so that its exit listeners clean up, which by default they do not. */
export function endOnSignals(...signals: readonly ('SIGINT' | 'SIGTERM' | 'SIGHUP')[]): void {
  for (const signal of signals) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}
