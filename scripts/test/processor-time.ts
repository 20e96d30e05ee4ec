// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import process from 'node:process'

/** Linux counts in hundredths of a second, whatever the machine (USER_HZ, proc(5)). */
const TICKS_PER_SECOND = 100

/**
 * Processor time of this process, its threads and its ended children, in seconds. Without /proc it excludes the children.
 */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  let children = 0
  try {
    // Fields 16 and 17 of proc(5); the name of the program, before them, may hold spaces but ends in the last bracket.
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)!.split(' ')
    children = (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
  } catch {}
  return (user + system) / 1e6 + children
}
