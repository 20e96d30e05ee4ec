#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The `cohort` command. Its code is beside this file, and may also have been put together (scripts/bootstrap/program.mjs), to start sooner.
import { existsSync } from 'node:fs'
import process from 'node:process'

/** Its name is the hash of these sources: another checkout that inherits the variable has none of that name. */
const program = /^[0-9a-f]{32}$/.exec(process.env.COHORT_PROGRAM ?? '')
const together = new URL(`../../.cache/program/${program}/cli.run.mjs`, import.meta.url)
const { runCohort } =
  program !== null && existsSync(together)
    ? ((await import(together.href)) as typeof import('./run.ts'))
    : await import('./run.ts')

await runCohort(process.argv.slice(2))
