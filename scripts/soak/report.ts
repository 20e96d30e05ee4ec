// SPDX-License-Identifier: GPL-3.0-or-later
import { formatEther } from 'ethers'
import { median } from '../bench/harness.ts'
import { FAULTS } from './plan.ts'
import type { SoakReport } from './run.ts'

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`

/** The promises that the run has broken, one text each. */
export function brokenPromises(
  report: Pick<SoakReport, 'lost' | 'stakeLost' | 'penalties' | 'disagreements' | 'ignored'>,
): string[] {
  const { lost, stakeLost, penalties, disagreements, ignored } = report
  return [
    ...(lost.length > 0 ? [`rounds lost: ${lost.join(', ')}`] : []),
    ...(stakeLost === '0' ? [] : [`stake lost: ${formatEther(stakeLost)} tokens`]),
    ...penalties.map(({ seat, reason, taken }) => `seat ${seat} penalised: ${reason}, ${formatEther(taken)} tokens`),
    ...disagreements,
    ...ignored,
  ]
}

export function formatReport(report: SoakReport): string {
  const { start, end, faults } = report
  const lines: [string, string][] = [
    ['keepers, seed', `${report.keepers}, ${report.seed}`],
    ['rounds completed', `${report.completed}, ${report.secondsPerRound.toFixed(1)} s each (median)`],
  ]
  for (const kind of FAULTS) {
    const count = faults.filter((fault) => fault.kind === kind).length
    const reason = report.skipped[kind]
    if (count > 0 || reason !== undefined) lines.push([`faults: ${kind}`, reason ?? String(count)])
  }
  const both = (of: (size: SoakReport['end'][number]) => number, shown: (value: number) => string): string =>
    `${shown(median(start.map(of)))} → ${shown(median(end.map(of)))}, at most ${shown(Math.max(...end.map(of)))}`
  lines.push(
    ['rounds lost', String(report.lost.length)],
    ['stake lost by honest keepers', `${formatEther(report.stakeLost)} tokens`],
    ['disagreements', String(report.disagreements.length)],
    ['sums by slices', `${report.slices.together} together, ${report.slices.alone} alone after all`],
    ['keepers dropped by the service', String(report.dropped)],
    ['keepers that ended by themselves', String(report.ended.length)],
    ['resident memory', both(({ resident }) => resident, mib)],
    ['heap after a collection', both(({ heap }) => heap, mib)],
    ['handles', both(({ handles }) => handles, String)],
  )
  const width = Math.max(...lines.map(([name]) => name.length))
  const broken = brokenPromises(report)
  return [
    ...lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...report.ended.map((text) => `ended: ${text}`),
    ...broken.map((text) => `BROKEN: ${text}`),
    '',
  ].join('\n')
}
