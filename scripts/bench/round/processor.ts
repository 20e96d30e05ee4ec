// SPDX-License-Identifier: GPL-3.0-or-later
// Processor seconds of processes, from /proc (proc(5)): what a shared machine leaves alone, unlike seconds of clock.
import { readFileSync } from 'node:fs'
import type { Cluster, Line } from '../../cluster.ts'
import { PHASES } from './figures.ts'

/** Linux counts in hundredths of a second, whatever its own clock does. */
const TICKS = 100
/** Places of user and system time behind the program's name, which may hold spaces. */
const [USER, SYSTEM] = [11, 12]

/** Processor seconds of a process so far, all threads; null when there is no such process, or no /proc. */
export function processorSeconds(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[USER]) + Number(fields[SYSTEM])) / TICKS
  } catch {
    return null
  }
}

/** Places of the time that no process took in the first line of /proc/stat, behind its name: idle, and waiting for disks. */
const UNUSED = [3, 4]

/** Processor seconds that the machine has spent since it started, all processes together; null without /proc. */
export function machineSeconds(): number | null {
  try {
    const [line] = readFileSync('/proc/stat', 'utf8').split('\n')
    const ticks = line!.trim().split(/\s+/).slice(1, 9).map(Number)
    return ticks.reduce((sum, value, at) => sum + (UNUSED.includes(at) ? 0 : value), 0) / TICKS
  } catch {
    return null
  }
}

/** Bytes of a process that are in memory and in no other process, and those with its part of what is shared; null without /proc. */
export function memoryOf(pid: number): { readonly own: number; readonly withShared: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
    return {
      own: 1024 * (kilobytes('Private_Clean') + kilobytes('Private_Dirty')),
      withShared: 1024 * kilobytes('Pss'),
    }
  } catch {
    return null
  }
}

/** Processor seconds of all keepers, and of the chain, when the first keeper saw a state begin. */
export type Sample = {
  readonly state: string
  readonly round: number
  readonly keepers: number
  readonly chain: number
}

/** Takes a sample at each state that the first keeper sees from now on. */
export function sampleStates(cluster: Cluster): Sample[] {
  const samples: Sample[] = []
  const [first] = cluster.nodes
  const chain = cluster.processes.pid('chain')
  cluster.onLine(({ node, event, state, round }: Line) => {
    if (node !== first!.name || event !== 'state') return
    const keepers = cluster.nodes.map((one) => processorSeconds(cluster.pid(one)))
    const ofChain = chain === undefined ? null : processorSeconds(chain)
    if (ofChain === null || keepers.includes(null)) return
    const all = keepers.reduce<number>((sum, seconds) => sum + seconds!, 0)
    samples.push({ state: String(state), round: Number(round), keepers: all, chain: ofChain })
  })
  return samples
}

/** Processor seconds in those rounds, averaged: of all keepers and of the chain, by phase and in a whole round. */
export function processorByPhase(
  samples: readonly Sample[],
  rounds: readonly number[],
): Map<string, { readonly keepers: number; readonly chain: number }> {
  const found = new Map<string, { keepers: number; chain: number }>()
  for (const [at, { state, round, keepers, chain }] of samples.entries()) {
    const next = samples[at + 1]
    if (next === undefined || !rounds.includes(round) || !PHASES.some((phase) => phase === state)) continue
    for (const what of [state.toLowerCase(), 'round']) {
      const sum = found.get(what) ?? { keepers: 0, chain: 0 }
      sum.keepers += (next.keepers - keepers) / rounds.length
      sum.chain += (next.chain - chain) / rounds.length
      found.set(what, sum)
    }
  }
  return found
}
