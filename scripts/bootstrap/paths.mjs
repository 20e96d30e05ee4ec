// SPDX-License-Identifier: GPL-3.0-or-later
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** The checkout's root folder, whatever the working directory is. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Everything that can be made again and belongs to this checkout only. */
export const CACHE = join(ROOT, '.cache')

/**
 * The environment in which the project's code runs: the chosen Node comes first on the PATH, so that child processes (workers,
 * `hardhat node`, keepers) run under the same one.
 * @param {string} node absolute path of the Node binary
 */
export function runtimeEnvironment(node) {
  return {
    ...process.env,
    PATH: [dirname(node), join(ROOT, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter),
    COHORT_NODE: node,
    // Hardhat asks about telemetry on a terminal and reports otherwise; a keeper's machine reports to nobody.
    HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
    // glibc gives every thread its own heap, and no thread can use memory that another has freed: a keeper grows for dozens of
    // rounds before that settles. Two heaps keep it flat. On other systems the variable has no effect.
    MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2',
    // Node keeps its compiled form of our sources and the libraries: `cohort` starts in half the time.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(CACHE, 'node-compiled'),
  }
}
