// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one model in a process of its own and prints time, processor time and peak memory: what a user's first command pays, code
// that no compiler has seen yet included.
import { importModelFile } from '../../../keepers/zkml/index.ts'

const before = process.cpuUsage()
const start = performance.now()
const { nodes } = await importModelFile(process.argv[2]!)
const milliseconds = performance.now() - start
const { user, system } = process.cpuUsage(before)
const peakBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ nodes: nodes.length, milliseconds, processorMs: (user + system) / 1000, peakBytes }))
