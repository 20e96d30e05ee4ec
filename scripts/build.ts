// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run build`: bootstrap has built everything stale before it runs this.
import { BUILD_STEPS } from './build-steps.mjs'

process.stdout.write(`Up to date: ${BUILD_STEPS.map((step) => step.name).join(', ')}\n`)
