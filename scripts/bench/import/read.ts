// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one model in its own process and prints time, processor time and peak memory: the cost of a user's first command, including
// code that is not compiled yet.
import { peakMemory } from '../../../keepers/cli/peak-memory.ts'
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
const peakBytes = peakMemory()
const found: Reading = { nodes: nodes.length, milliseconds, processorMs: (user + system) / 1000, peakBytes }
console.log(JSON.stringify(found))
