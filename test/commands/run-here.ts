// SPDX-License-Identifier: GPL-3.0-or-later
// A command in this process, as main.ts runs it, with its output caught: for tests of what it says, does and ends with.
import { AsyncLocalStorage } from 'node:async_hooks'
import process from 'node:process'
import { runCohort } from '../../keepers/cli/run.ts'

export type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

type Caught = { stdout: string; stderr: string }

/** What is written by a command, and by nobody else: mocha reports on a timeout meanwhile. */
const catching = new AsyncLocalStorage<Caught>()
divert('stdout')
divert('stderr')

/** The exit code is the process's: one command at a time. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Runs `cohort …args` here, after those that were asked for before.
 * @param environment variables that this run sees beside the process's
 */
export function runHere(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
  const run = last.then(() => caught(args, environment))
  last = run.catch(() => undefined)
  return run
}

async function caught(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Run> {
  const { exitCode } = process
  const streams = [process.stdin, process.stdout, process.stderr]
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const)
  const terminals = streams.map(({ isTTY }) => isTTY)
  Object.assign(process.env, environment)
  for (const stream of streams) stream.isTTY = false
  process.exitCode = undefined
  const text = { stdout: '', stderr: '' }
  try {
    await catching.run(text, () => runCohort(args))
    return { code: Number(process.exitCode ?? 0), ...text }
  } finally {
    process.exitCode = exitCode
    for (const [i, stream] of streams.entries()) stream.isTTY = terminals[i]!
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

function divert(name: keyof Caught): void {
  const stream = process[name]
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    const text = catching.getStore()
    if (text === undefined) return write(chunk, ...rest)
    text[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined
    if (done !== undefined) queueMicrotask(done)
    return true
  }) as typeof stream.write
}
