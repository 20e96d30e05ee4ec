// SPDX-License-Identifier: GPL-3.0-or-later
// Folders of models with example inputs, each in a process of its own with a limit of time: how far they come.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BenchContext, BenchRow } from '../harness.ts'
import type { Outcome, Stage } from './example.ts'

const LIMIT_MS = 120_000
const STAGES: readonly Stage[] = ['import', 'calibrate', 'size', 'prove', 'verified']

type Row = Outcome & { readonly name: string; readonly late: boolean }

/**
 * Records of each model how far it got, its constraints, error and agreement, and how many got how far.
 * @param only the models to measure; none: all
 * @param before rows of an earlier run, which count for the models that are not measured again
 */
export async function measureExamples(
  context: BenchContext,
  folder: string,
  only: readonly string[],
  before: readonly BenchRow[],
): Promise<void> {
  const all = globSync('*/network.onnx', { cwd: folder }).map(dirname).sort()
  const names = only.length === 0 ? all : all.filter((name) => only.includes(name))
  const rows: Row[] = []
  for (const name of names) {
    const row = { name, ...(await measured(join(folder, name))) }
    rows.push(row)
    context.progress(line(row))
  }
  const earlier = before.flatMap(({ metric, note = '' }) => {
    const name = /^import\.example\.(.+)\.verified$/.exec(metric)?.[1]
    return name === undefined || names.includes(name) || !all.includes(name) ? [] : [note]
  })
  const notes = [...rows.map(noteOf), ...earlier]
  const reached = (stage: Stage): number =>
    notes.filter((note) => STAGES.indexOf(note.split(/[:,]/)[0] as Stage) >= STAGES.indexOf(stage)).length
  const counts = {
    models: notes.length,
    imported: reached('calibrate'),
    calibrated: reached('size'),
    verified: reached('verified'),
    late: notes.filter((note) => /^\w+, out of time/.test(note)).length,
    unclear: notes.filter((note) => /^\w+, unclear/.test(note)).length,
  }
  for (const [what, value] of Object.entries(counts))
    context.record({
      metric: `import.examples.${what}`,
      value,
      unit: 'count',
      note: 'models with their example inputs',
    })
  for (const row of rows) {
    const { name, stage, constraints, error, agreement } = row
    const note = noteOf(row)
    const record = (what: string, value: number, unit: string): void =>
      context.record({ metric: `import.example.${name}.${what}`, value, unit, note })
    // 1: a proof was made and verified; 0: the note names the stage at which the run ended, and the reason.
    record('verified', stage === 'verified' ? 1 : 0, 'count')
    if (constraints === undefined) continue
    record('constraints', constraints, 'constraints')
    record('error', 100 * error!, 'percent')
    record('agreement', 100 * agreement!, 'percent')
  }
}

/** The stage at which the run ended, and the reason. */
function noteOf({ stage, late, unclear, why }: Row): string {
  const how = late ? ', out of time' : unclear === true ? ', unclear' : ''
  return `${stage}${how}${why === undefined ? '' : `: ${why.slice(0, 160)}`}`
}

function line({ name, stage, constraints, error, agreement, seconds, why, late }: Row): string {
  const figures =
    constraints === undefined
      ? ''
      : `${constraints} constraints, error ${(100 * error!).toPrecision(2)} %, labels ${100 * agreement!} %`
  return [
    name,
    late ? `${stage}, out of time` : stage,
    figures,
    `${Math.round(seconds ?? 0)} s`,
    why?.slice(0, 200) ?? '',
  ]
    .filter((cell) => cell !== '')
    .join(' | ')
}

function measured(folder: string): Promise<Outcome & { late: boolean }> {
  return new Promise((resolve) => {
    const script = join(import.meta.dirname, 'example.ts')
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let text = ''
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const last = text.trim().split('\n').at(-1) ?? ''
      const outcome: Outcome = last === '' ? { stage: 'import' } : JSON.parse(last)
      const died = !late && code !== 0 ? { why: `the process ended with ${code}`, unclear: true } : {}
      resolve({ ...outcome, ...died, late })
    })
  })
}
