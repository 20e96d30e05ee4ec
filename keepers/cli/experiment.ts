// SPDX-License-Identifier: GPL-3.0-or-later
// Experiment files of `cohort simulate`: the simulation's settings in YAML, with a sweep over some of them.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { LearningError, parseSimulationConfig, type SimulationConfig, type StrategyTerms } from '../learning/index.ts'

const MOST_RUNS = 1000

const experimentSchema = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  /** Like --model, --data and --limit. Relative paths start at the file's folder. */
  model: z.string().min(1).default('small-cnn'),
  data: z.string().min(1).optional(),
  limit: z.int().min(10).optional(),
  /** A module in place of settings.server. */
  strategy: z
    .strictObject({ file: z.string().min(1), settings: z.record(z.string(), z.json()).default({}) })
    .optional(),
  settings: z.record(z.string(), z.unknown()),
  /** Paths into this document, and the values that each takes in turn. */
  sweep: z.record(z.string(), z.array(z.json()).min(1)).default({}),
})
type Document = z.infer<typeof experimentSchema>

export type Run = {
  /** What distinguishes this run: `seed=1,training.epochs=2`; empty without a sweep. */
  readonly label: string
  readonly config: SimulationConfig
  readonly strategy: { readonly file: string; readonly settings: StrategyTerms['settings'] } | null
}

export type Experiment = {
  readonly name: string
  /** Where relative paths start. */
  readonly folder: string
  readonly model: string
  readonly data: string | undefined
  readonly limit: number | undefined
  readonly runs: readonly Run[]
}

/** Reads and checks all runs before the first one plays. @throws LearningError BAD_SIMULATION naming file, run and field */
export async function readExperiment(file: string): Promise<Experiment> {
  const bad = (what: string, cause?: unknown): never => {
    throw new LearningError('BAD_SIMULATION', `${file}: ${what}`, { cause })
  }
  const text = await readFile(file, 'utf8').catch((cause: Error) => bad(`cannot be read (${cause.message})`, cause))
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors[0]) bad(document.errors[0].message.split('\n')[0]!)
  const base = check(document.toJS({ maxAliasCount: 100 }), bad)
  const folder = resolve(dirname(file))
  const variants = product(base.sweep)
  if (variants.length > MOST_RUNS) bad(`sweep: ${variants.length} runs, at most ${MOST_RUNS} are played`)
  const runs = variants.map((choice) => {
    const label = choice.map(([path, value]) => `${path.replace(/^settings\./, '')}=${shown(value)}`).join(',')
    const where = (what: string, cause?: unknown) => bad(label === '' ? what : `run ${label}: ${what}`, cause)
    const changed = structuredClone(base) as Record<string, unknown>
    for (const [path, value] of choice) put(changed, path, value, bad)
    const { settings, strategy } = check(changed, where)
    try {
      const config = parseSimulationConfig(settings)
      const module_ = strategy === undefined ? null : { ...strategy, file: resolve(folder, strategy.file) }
      return { label, config, strategy: module_ }
    } catch (cause) {
      if (!(cause instanceof LearningError)) throw cause
      return where(cause.message, cause)
    }
  })
  const { name = file, data, limit } = base
  const model = /[/.]/.test(base.model) ? resolve(folder, base.model) : base.model
  return { name, folder, model, data: data === undefined ? undefined : resolve(folder, data), limit, runs }
}

function check(value: unknown, bad: (what: string) => never): Document {
  const parsed = experimentSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  return bad(`${issue.path.join('.') || 'document'}: ${issue.message}`)
}

type Choice = readonly (readonly [path: string, value: unknown])[]

/** Every combination, the last path changing fastest. */
function product(sweep: Document['sweep']): readonly Choice[] {
  return Object.entries(sweep).reduce<readonly Choice[]>(
    (all, [path, values]) => all.flatMap((choice) => values.map((value): Choice => [...choice, [path, value]])),
    [[]],
  )
}

/** Sets a value by its path, such as `settings.training.epochs`. A path without `settings.` or `strategy.` in front is one into the settings. */
function put(document: Record<string, unknown>, path: string, value: unknown, bad: (what: string) => never): void {
  const keys = path.split('.')
  const known = keys[0] === 'settings' || keys[0] === 'strategy' ? keys : ['settings', ...keys]
  let at: Record<string, unknown> = document
  for (const key of known.slice(0, -1)) {
    const next = (Object.hasOwn(at, key) ? at[key] : undefined) ?? {}
    if (typeof next !== 'object' || Array.isArray(next) || key === '__proto__')
      bad(`sweep.${path}: ${key} has no parts`)
    at[key] = next
    at = next as Record<string, unknown>
  }
  at[known.at(-1)!] = value
}

function shown(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The name of a run's folder: its number and its settings. */
export function runFolder(run: Run, index: number): string {
  return `${String(index + 1).padStart(3, '0')}-${run.label.replace(/[^\w.=,-]+/g, '_').slice(0, 100)}`
}
