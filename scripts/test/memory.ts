// SPDX-License-Identifier: GPL-3.0-or-later
// How processes of tests treat memory: several of them share few cores, and none of them lives long.

/**
 * Several processes share the cores: a collector with helpers of its own only takes them from the others, and one that looks at young
 * objects less often finds more of them dead.
 */
export const COLLECTOR = ['--single-threaded-gc', '--max-semi-space-size=64']

/**
 * The simulated chain's allocator: by default it gives memory back to the system as soon as a call has ended, and the next call has it
 * zeroed again, which is a tenth to a fifth of what contract tests cost. MiMalloc's own names.
 */
export const ALLOCATOR = { MIMALLOC_PURGE_DELAY: '-1', MIMALLOC_ALLOW_LARGE_OS_PAGES: '1' }
