// SPDX-License-Identifier: GPL-3.0-or-later
import { constants } from 'node:os'

/** Has Ctrl-C and other signals end this process by `process.exit`, so that what listens for that cleans up: by default nobody hears of them. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}
