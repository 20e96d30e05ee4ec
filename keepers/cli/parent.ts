// SPDX-License-Identifier: GPL-3.0-or-later
// `npx cohort` and `npm run` put processes in front of the one that does the work. These pass on signals, but SIGKILL cannot be passed on.
// Without this watch, a keeper would go on sending transactions after its supervisor killed the process in front.
import process from 'node:process'

/** Set by scripts/bootstrap.mjs to its own process id. */
export const PARENT_VARIABLE = 'COHORT_PARENT'

/** Milliseconds between looks. */
const LOOK_MS = 1_000

/**
 * Calls `gone` once when the process that started this one for an operator has ended; never for a process that was started
 * directly, whose parent (a shell, a supervisor) may well end before it.
 * @returns what ends the watch
 */
export function watchParent(gone: () => void, env: NodeJS.ProcessEnv = process.env): () => void {
  const parent = process.ppid
  if (env[PARENT_VARIABLE] !== String(parent)) return () => undefined
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    gone()
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
