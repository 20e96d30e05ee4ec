// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { ROOT } from '../bootstrap/paths.mjs'

/** `cohort worker` as a process, and its events. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly events: Record<string, unknown>[] = []
  #heard: () => void = () => undefined

  constructor(options: readonly string[]) {
    const main = join(ROOT, 'keepers', 'cli', 'main.ts')
    const line = ['--disable-warning=ExperimentalWarning', main, 'worker', ...options, '--json', '--threads', '1']
    this.#child = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      this.events.push(JSON.parse(text))
      this.#heard()
    })
  }

  /** Seconds of processor time so far; 0 where there is no /proc. */
  processorSeconds(): number {
    try {
      // After the name, which may contain spaces: fields 14 and 15 of proc(5), in hundredths.
      const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      return (Number(fields[11]) + Number(fields[12])) / 100
    } catch {
      return 0
    }
  }

  count(event: string): number {
    return this.events.filter((one) => one.event === event).length
  }

  async until(event: string, count = 1): Promise<void> {
    while (this.count(event) < count) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  async stop(): Promise<number | null> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const [code] = await ended
    return code
  }
}
