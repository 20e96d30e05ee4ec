#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The `cohort` command.
import process from 'node:process'
import { runCohort } from './run.ts'

await runCohort(process.argv.slice(2))
