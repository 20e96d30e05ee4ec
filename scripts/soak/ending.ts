// SPDX-License-Identifier: GPL-3.0-or-later
import { constants } from 'node:os'

/** Makes these signals end the process by `process.exit`, so that what listens for that cleans up: by default nobody hears of them. */
export function endOnSignals(...signals: readonly ('SIGINT' | 'SIGTERM' | 'SIGHUP')[]): void {
  for (const signal of signals) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}
