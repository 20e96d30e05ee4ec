// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a program of the operator's under limits: time (then all that it started is killed), address space, network, processes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import process from 'node:process'
import { LearningError } from '../errors.ts'
import type { TrainerLimits } from './command.ts'
import { isolation, killMarked } from './isolation.ts'

export type LimitedRun = {
  readonly command: readonly string[]
  /** Working directory: relative paths in `command` start there. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly limits: TrainerLimits
  readonly signal?: AbortSignal | undefined
  /** The variable of `environment` that marks this run: processes that the program starts are found by it. */
  readonly mark?: string
}

/** How long a program may take to end after SIGTERM. */
const GRACE_MS = 2_000
/** Milliseconds to wait for output after the program has ended, because a child that it left behind may hold the pipe for ever. */
const DRAIN_MS = 500
/** Characters of output that are kept, the last ones. */
const KEPT_OUTPUT = 4_000
/** Characters of output in an error. */
const SHOWN_OUTPUT = 300

/** The variables of the keeper's environment that a program inherits. Under `processes: shared`, /proc shows the rest to the same user. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'LD_LIBRARY_PATH',
  'VIRTUAL_ENV',
  'CUDA_VISIBLE_DEVICES',
]

/**
 * Runs the program to its end.
 * @throws LearningError TRAINER_FAILED naming the command and why: not found, out of time, its exit code and last words; or the signal's
 *   reason. When this throws, under `processes: own` no process that it started still runs; under `shared`, none of its process group and
 *   none with the mark in its environment.
 */
export async function runLimited(run: LimitedRun): Promise<void> {
  const { command, limits, signal, folder } = run
  signal?.throwIfAborted()
  const failed = (why: string, cause?: unknown): LearningError =>
    new LearningError('TRAINER_FAILED', `training.command ${shown(command)}: ${why}`, { cause })
  const [program, ...args] = underLimits(command, limits)
  const env = { ...inherited(), ...run.environment }
  // A process group of its own, so that all of it can be ended.
  const child = spawn(program!, args, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = lastOf(child)
  let ended: 'timeout' | 'abort' | null = null
  let grace: NodeJS.Timeout | undefined
  const end = (why: 'timeout' | 'abort') => {
    ended ??= why
    killGroup(child, 'SIGTERM')
    grace ??= setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS)
  }
  const timer = setTimeout(() => end('timeout'), limits.seconds * 1000)
  const onAbort = () => end('abort')
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const { code, killer } = await exitOf(child).catch((cause: Error) => {
      throw failed(`cannot be started (${cause.message})`, cause)
    })
    signal?.throwIfAborted()
    if (ended === 'timeout') throw failed(`still running after ${limits.seconds} s (training.limits.seconds): ended`)
    if (code === 0) return
    // A shell says of its child's signal that much.
    const by = killer ?? signalOf(code)
    const how = by === null ? `ended with exit code ${code}` : `was killed by ${by}`
    const words = output()
    throw failed(`${how}${words === '' ? ', without a word' : `: ${words}`}${hint(words, limits)}`)
  } finally {
    clearTimeout(timer)
    clearTimeout(grace)
    signal?.removeEventListener('abort', onAbort)
    // Whatever it left running would write to a folder that is about to be removed.
    killGroup(child, 'SIGKILL')
    if (limits.processes === 'shared' && run.mark !== undefined) killMarked(run.mark, run.environment[run.mark] ?? '')
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
}

/**
 * Whether the program can be started and its limits kept on this machine.
 * @throws LearningError NO_TRAINER naming the setting and what to do
 */
export function checkRunnable({ command, folder, limits, environment }: Omit<LimitedRun, 'signal'>): void {
  const [program] = command as readonly [string, ...string[]]
  const path = environment.PATH ?? process.env.PATH ?? ''
  const candidates = program.includes('/')
    ? [resolve(folder, program)]
    : path.split(delimiter).map((place) => join(place, program))
  if (!candidates.some(isExecutable)) {
    const where = program.includes('/') ? candidates[0] : 'PATH'
    throw new LearningError(
      'NO_TRAINER',
      `command: ${program} is not an executable file (${where}): install it, or correct the path`,
    )
  }
  if (limits.network === 'none' && isolation({ network: 'none', processes: 'shared' }) === null) {
    throw new LearningError(
      'NO_TRAINER',
      'limits.network: none cannot be kept here: the kernel (or its settings) gives no network namespace to `unshare -n`; ' +
        'set `allowed`, and keep the trainer from the network by other means',
    )
  }
  if (isolation(limits) === null) {
    throw new LearningError(
      'NO_TRAINER',
      'limits.processes: own cannot be kept here: the kernel (or its settings) gives no process namespace to `unshare --pid`; ' +
        'set `shared`: the trainer then sees the keeper`s processes, so let it run as another user',
    )
  }
  if (limits.memoryMiB !== undefined) {
    const { status } = spawnSync('sh', ['-c', `ulimit -v ${limits.memoryMiB * 1024}`])
    if (status === 0) return
    throw new LearningError(
      'NO_TRAINER',
      `limits.memoryMiB: ${limits.memoryMiB} cannot be kept here: \`ulimit -v\` refuses it; leave it out`,
    )
  }
}

function underLimits(command: readonly string[], limits: TrainerLimits): readonly string[] {
  const apart = isolation(limits)
  if (apart === null) throw new LearningError('NO_TRAINER', 'limits: what they promise cannot be kept here')
  const { memoryMiB, processes } = limits
  const limited = memoryMiB === undefined ? 'ulimit -c 0' : `ulimit -c 0 && ulimit -v ${memoryMiB * 1024}`
  // Signals without a handler have no effect on the first process of a namespace. So the shell is that process, and the program its child.
  const run = processes === 'own' ? `${limited} && { "$@"; exit $?; }` : `${limited} && exec "$@"`
  return [...apart, 'sh', '-c', run, 'sh', ...command]
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; killer: NodeJS.Signals | null }> {
  return new Promise((fulfil, reject) => {
    child.once('error', reject)
    let outcome: { code: number | null; killer: NodeJS.Signals | null } | null = null
    child.once('exit', (code, killer) => {
      outcome = { code, killer }
      setTimeout(() => fulfil(outcome!), DRAIN_MS)
    })
    child.once('close', (code, killer) => fulfil(outcome ?? { code, killer }))
  })
}

/** The signal that a shell's exit code is about, or null. */
function signalOf(code: number | null): string | null {
  const number = (code ?? 0) - 128
  return Object.entries(osConstants.signals).find(([, value]) => value === number)?.[0] ?? null
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nothing of it is left.
  }
}

/** The program's last output, on one line: from standard error if it wrote anything there. */
function lastOf(child: ChildProcess): () => string {
  const kept = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      kept[stream] = (kept[stream] + text).slice(-KEPT_OUTPUT)
    })
  }
  return () => {
    const text = kept.stderr.trim() === '' ? kept.stdout : kept.stderr
    const lines = text
      .replace(/[^\P{C}\n]/gu, '')
      .split('\n')
      .filter((line) => line.trim() !== '')
    // The line that names an error is what counts; Node ends with its version, Python with the error.
    const named = lines.findLast((line) => /^(?!\s+at )[^(]*(Error|Exception)\b/.test(line))
    const line = named?.trim() ?? lines.slice(-3).join(' / ').trim()
    return line.length > SHOWN_OUTPUT ? `…${line.slice(-SHOWN_OUTPUT)}` : line
  }
}

function hint(words: string, { memoryMiB, network }: TrainerLimits): string {
  if (
    network === 'none' &&
    /network is unreachable|name resolution|ENETUNREACH|EAI_AGAIN|urlopen|resolve host/i.test(words)
  ) {
    return ' (training.limits.network is none)'
  }
  if (memoryMiB !== undefined && /memory|bad_alloc|MemoryError|allocat/i.test(words)) {
    return ` (training.limits.memoryMiB is ${memoryMiB})`
  }
  return ''
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

function shown(command: readonly string[]): string {
  const text = command.join(' ')
  return `\`${text.length > 100 ? `${text.slice(0, 100)}…` : text}\``
}
