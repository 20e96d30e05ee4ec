// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../bootstrap/paths.mjs'

const fileTiming = z.object({ file: z.string(), seconds: z.number(), cpuSeconds: z.number() })

/** The time of a test file, on the clock and on the processors. A file with several top-level suites has several of these. */
export type FileTiming = Readonly<z.infer<typeof fileTiming>>

/** The notes of a run's stopwatch; empty when the run did not get to its end. */
export async function readTimings(path: string): Promise<FileTiming[]> {
  const text = await readFile(path, 'utf8').catch(() => null)
  return text === null ? [] : z.array(fileTiming).parse(JSON.parse(text))
}

/** Processor seconds of all together. */
export function cpuSecondsOf(timings: readonly FileTiming[]): number {
  return timings.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
}

/** The `most` test files that took the processors longest, the dearest first, a line each. */
export function dearestFiles(timings: readonly FileTiming[], most: number): string[] {
  const files = new Map<string, { seconds: number; cpuSeconds: number }>()
  for (const { file, seconds, cpuSeconds } of timings) {
    const before = files.get(file) ?? { seconds: 0, cpuSeconds: 0 }
    files.set(file, { seconds: before.seconds + seconds, cpuSeconds: before.cpuSeconds + cpuSeconds })
  }
  return [...files]
    .sort(([, a], [, b]) => b.cpuSeconds - a.cpuSeconds)
    .slice(0, most)
    .map(([file, { seconds, cpuSeconds }]) => {
      const name = file.startsWith(ROOT) ? relative(ROOT, file) : file
      return `${cpuSeconds.toFixed(1).padStart(7)} ${seconds.toFixed(1).padStart(7)}  ${name}`
    })
}
