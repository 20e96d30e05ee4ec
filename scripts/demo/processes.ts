// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { nodeFlags } from '../bootstrap/flags.mjs'

/** How long a process may take to end after SIGTERM before it is killed. */
const GRACE_MS = 10_000

/** Starts the demo's processes, keeps their output in files, and ends them all, whatever happens. */
export class Processes implements AsyncDisposable {
  readonly folder: string
  readonly #running = new Map<string, ChildProcess>()
  readonly #onExit = (): void => {
    for (const child of this.#running.values()) child.kill('SIGKILL')
  }

  /** Without a listener of somebody else's, SIGTERM would end us before `exit` runs, and leave the processes behind. */
  readonly #onTerminate = (): void => {
    if (process.listenerCount('SIGTERM') === 1) process.exit(143)
  }

  /** @param folder where each process's output goes, as <name>.log */
  constructor(folder: string) {
    this.folder = folder
    process.on('exit', this.#onExit)
    process.on('SIGTERM', this.#onTerminate)
  }

  /**
   * Starts `node`, or another program, with `args`. `onLine` sees each line of its standard output.
   * A process that ends by itself with a code other than 0 is reported through `onFailure`.
   */
  start(
    name: string,
    args: readonly string[],
    options: {
      env?: NodeJS.ProcessEnv
      cwd?: string
      /** Path of a program that is not Node. */
      program?: string | undefined
      /** A command that runs the program at another place, such as `ip netns exec`: what goes before it. */
      before?: readonly string[] | undefined
      onLine?: (line: string) => void
      onFailure?: (message: string) => void
    } = {},
  ): ChildProcess {
    const flags = options.program === undefined ? nodeFlags(args) : []
    const [program, ...words] = [...(options.before ?? []), options.program ?? process.execPath, ...flags, ...args]
    const child = spawn(program!, words, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log = createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    if (options.onLine !== undefined) forEachLine(child.stdout, options.onLine)
    this.#running.set(name, child)
    child.on('close', (code, signal) => {
      log.end()
      const expected = !this.#running.delete(name)
      if (!expected && code !== 0)
        options.onFailure?.(
          `${name} ended with ${signal ?? `exit code ${code}`}: see ${join(this.folder, `${name}.log`)}`,
        )
    })
    return child
  }

  /** Process id of one that runs; undefined once it has ended. */
  pid(name: string): number | undefined {
    return this.#running.get(name)?.pid
  }

  /** Ends one process and waits until it is gone. */
  async stop(name: string): Promise<void> {
    const child = this.#running.get(name)
    if (child === undefined) return
    this.#running.delete(name)
    const gone = once(child, 'close')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    await gone
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Last started first: keepers before the chain they talk to.
    await Promise.all([...this.#running.keys()].reverse().map((name) => this.stop(name)))
    process.off('exit', this.#onExit)
    process.off('SIGTERM', this.#onTerminate)
  }
}

function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
}
