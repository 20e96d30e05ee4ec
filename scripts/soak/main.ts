// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run soak`: runs many rounds of real keepers, with `--chaos` under faults that it causes. Exit code 1 when a promise is broken.
import { writeFileSync } from 'node:fs'
import { commandLine, refuse } from '../arguments.ts'
import { endOnSignals } from './ending.ts'
import { FAULTS, type FaultKind } from './plan.ts'
import { brokenPromises, formatReport } from './report.ts'

const HELP = `usage: npm run soak [-- options]

  Runs rounds of real keeper processes on a local chain. Ends with a table: rounds lost, stake lost, disagreements (all must be 0),
  memory and handles at start and end. Ctrl-C ends it with the table after the round. Exit code 1 if an honest keeper lost stake, two honest keepers disagreed, or a round was lost.

  --chaos         cause faults in every round, as the seed decides
  --faults LIST   only faults of these kinds, separated by commas:
                  ${FAULTS.join(', ')}
  --rounds N      rounds, 1 … 10000 (default 200)
  --keepers N     keeper processes, 4 … 16 (default 7)
  --slices on|off whether keepers add up together, slice by slice, which takes six or more (default on)
  --seed N        seed of the faults (default 1)
  --minutes N     begin no round after this many minutes (default: no limit)
  --out FILE      write the report as JSON to this file
  --json          print the report as JSON instead of the table
`

const { values } = commandLine(
  {
    options: {
      chaos: { type: 'boolean' },
      faults: { type: 'string' },
      rounds: { type: 'string', default: '200' },
      keepers: { type: 'string', default: '7' },
      slices: { type: 'string', default: 'on' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean' },
    },
  },
  HELP,
)

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  return refuse(`--${option} '${text}': takes a whole number from ${least} to ${most}`, HELP)
}

function kindsOf(list: string): FaultKind[] {
  const names = list.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !FAULTS.some((kind) => kind === name))
  if (unknown !== undefined) refuse(`--faults: no kind of fault '${unknown}'; there are ${FAULTS.join(', ')}`, HELP)
  return names as FaultKind[]
}

if (values.faults !== undefined && values.chaos !== true) refuse('--faults: takes --chaos', HELP)
if (!['on', 'off'].includes(values.slices)) refuse(`--slices '${values.slices}': takes on or off`, HELP)
endOnSignals('SIGTERM', 'SIGHUP')
// A run of hours that somebody ends has something to report; a second Ctrl-C ends it at once.
const enough = new AbortController()
process.once('SIGINT', () => {
  process.stderr.write('no further round begins; the report follows this one\n')
  enough.abort()
  endOnSignals('SIGINT')
})
// Loaded late: a wrong option is refused before a chain and two thousand modules are there.
const { soak } = await import('./run.ts')
const report = await soak({
  rounds: whole('rounds', values.rounds, 1, 10_000),
  keepers: whole('keepers', values.keepers, 4, 16),
  slices: values.slices === 'on',
  seed: whole('seed', values.seed, 0, 2 ** 31 - 1),
  minutes: values.minutes === undefined ? Infinity : whole('minutes', values.minutes, 1, 100_000),
  kinds: values.chaos === true ? (values.faults === undefined ? FAULTS : kindsOf(values.faults)) : [],
  enough: enough.signal,
  onProgress: (text) => process.stderr.write(`${text}\n`),
})
const json = `${JSON.stringify(report, null, 2)}\n`
if (values.out !== undefined) writeFileSync(values.out, json)
process.stdout.write(values.json ? json : formatReport(report))
process.exit(brokenPromises(report).length > 0 ? 1 : 0)
