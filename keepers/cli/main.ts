#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The `cohort` command. It runs the code beside this file, or a bundle of it that starts faster (scripts/bootstrap/program.mjs).
import { existsSync } from 'node:fs'
import process from 'node:process'

/** The bundle's name is the hash of its sources, so another checkout that inherits the variable finds no such bundle. */
const program = /^[0-9a-f]{32}$/.exec(process.env.COHORT_PROGRAM ?? '')
const together = new URL(`../../.cache/program/${program}/cli.run.mjs`, import.meta.url)
const { runCohort } =
  program !== null && existsSync(together)
    ? ((await import(together.href)) as typeof import('./run.ts'))
    : await import('./run.ts')

await runCohort(process.argv.slice(2))
