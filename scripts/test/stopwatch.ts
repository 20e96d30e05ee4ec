// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded as the first file of a mocha run: notes what each test file took, and writes it where COHORT_TIMINGS says.
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import type { FileTiming } from './timings.ts'

/** Linux counts in hundredths of a second, whatever the machine (USER_HZ, proc(5)). */
const TICKS_PER_SECOND = 100

/**
 * Processor time of this process, its threads and its ended children, in seconds. Without /proc it excludes the children.
 */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  let children = 0
  try {
    // Fields 16 and 17 of proc(5); the name of the program, before them, may hold spaces but ends in the last bracket.
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)!.split(' ')
    children = (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
  } catch {}
  return (user + system) / 1e6 + children
}

const target = process.env.COHORT_TIMINGS
if (target !== undefined) {
  delete process.env.COHORT_TIMINGS
  const timings: FileTiming[] = []
  let [wall, cpu] = [0, 0]
  const note = (file: string): void => {
    const [wallNow, cpuNow] = [process.uptime(), processorSeconds()]
    timings.push({ file, seconds: wallNow - wall, cpuSeconds: cpuNow - cpu })
    wall = wallNow
    cpu = cpuNow
  }

  before(function () {
    note('(loading)')
    // Registered last, so that it runs after the file's own final hooks.
    for (const suite of this.test!.parent!.suites) suite.afterAll(() => note(suite.file ?? suite.title))
  })
  after(() => writeFileSync(target, JSON.stringify(timings)))
}
