#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
import process from 'node:process'
import { main } from './bootstrap.mjs'

await main(['run', 'keepers/cli/main.ts', ...process.argv.slice(2)])
