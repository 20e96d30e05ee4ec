// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded as the first file of a mocha run: notes what each test file took, and writes it where COHORT_TIMINGS says.
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { processorSeconds } from './processor-time.ts'
import type { FileTiming } from './timings.ts'

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
