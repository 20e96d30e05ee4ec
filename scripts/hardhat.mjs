#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// `npx hardhat …` under whatever Node is at hand: the root package's own bin comes before a dependency's.
import process from 'node:process'
import { main } from './bootstrap.mjs'

await main(['exec', 'hardhat', ...process.argv.slice(2)])
