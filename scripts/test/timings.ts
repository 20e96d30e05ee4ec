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

/** Each file once, the dearest first. */
function added(timings: readonly FileTiming[]): FileTiming[] {
  const files = new Map<string, FileTiming>()
  for (const { file, seconds, cpuSeconds } of timings) {
    const before = files.get(file) ?? { seconds: 0, cpuSeconds: 0 }
    files.set(file, { file, seconds: before.seconds + seconds, cpuSeconds: before.cpuSeconds + cpuSeconds })
  }
  return [...files.values()].sort((a, b) => b.cpuSeconds - a.cpuSeconds)
}

/** Relative to the root; what is no file stays what it is. */
const nameOf = (file: string): string => (file.startsWith(ROOT) ? relative(ROOT, file) : file)

/** The `most` test files that took the processors longest, the dearest first, a line each. */
export function dearestFiles(timings: readonly FileTiming[], most: number): string[] {
  return added(timings)
    .slice(0, most)
    .map(
      ({ file, seconds, cpuSeconds }) =>
        `${cpuSeconds.toFixed(1).padStart(7)} ${seconds.toFixed(1).padStart(7)}  ${nameOf(file)}`,
    )
}

/** For `--times`: each file of each suite once, the dearest of all first; seconds to the hundredth. */
export function timesOfSuites(
  suites: readonly { readonly suite: string; readonly timings: readonly FileTiming[] }[],
): ({ readonly suite: string } & FileTiming)[] {
  const round = (seconds: number): number => Math.round(100 * seconds) / 100
  return [...Map.groupBy(suites, ({ suite }) => suite)]
    .flatMap(([suite, parts]) => added(parts.flatMap(({ timings }) => timings)).map((timing) => ({ suite, ...timing })))
    .map(({ suite, file, seconds, cpuSeconds }) => ({
      suite,
      file: nameOf(file),
      seconds: round(seconds),
      cpuSeconds: round(cpuSeconds),
    }))
    .sort((a, b) => b.cpuSeconds - a.cpuSeconds)
}
