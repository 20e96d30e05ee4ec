// SPDX-License-Identifier: GPL-3.0-or-later
// One finding of the doctor, with its fix.
type Verdict = 'ok' | 'warn' | 'fail'

export type Check = {
  readonly name: string
  readonly verdict: Verdict
  readonly found: string
  /** The fix; null if nothing is wrong. */
  readonly fix: string | null
}

export const ok = (name: string, found: string): Check => ({ name, verdict: 'ok', found, fix: null })
export const warn = (name: string, found: string, fix: string): Check => ({ name, verdict: 'warn', found, fix })
export const fail = (name: string, found: string, fix: string): Check => ({ name, verdict: 'fail', found, fix })
/** First line of an error's message. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!
