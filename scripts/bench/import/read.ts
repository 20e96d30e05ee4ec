// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one model in a process of its own and prints time, processor time and peak memory: what a user's first command pays, code
// that no compiler has seen yet included.
import { importModelFile } from '../../../keepers/zkml/index.ts'

export type Reading = {
  readonly nodes: number
  readonly milliseconds: number
  readonly processorMs: number
  readonly peakBytes: number
}

const before = process.cpuUsage()
const start = performance.now()
const { nodes } = await importModelFile(process.argv[2]!)
const milliseconds = performance.now() - start
const { user, system } = process.cpuUsage(before)
const peakBytes = process.resourceUsage().maxRSS * 1024
const found: Reading = { nodes: nodes.length, milliseconds, processorMs: (user + system) / 1000, peakBytes }
console.log(JSON.stringify(found))
