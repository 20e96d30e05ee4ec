// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the circom compiler (WebAssembly, WASI) on its own thread: it blocks for as long as it works, and a thread can be ended.
// circom's output is collected, never shown.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

/** What a thread gets once. */
export type CircomThreadData = { readonly compiler: WebAssembly.Module }
/** What it gets for each circuit, as a message. */
export type CircomJob = { readonly directory: string; readonly args: readonly string[] }
export type CircomOutcome = { readonly ok: boolean; readonly printed: string }

type Runner = new (options: {
  args: readonly string[]
  env: Record<string, string>
  preopens: Record<string, string>
  bindings: object
}) => { compile(bytes: Uint8Array): Promise<WebAssembly.Module>; execute(bytes: Uint8Array): Promise<unknown> }

const STANDARD_OUTPUT = 1
const STANDARD_ERROR = 2

const { compiler } = workerData as CircomThreadData
const require = createRequire(import.meta.url)
const { CircomRunner, bindings } = require('circom2') as { CircomRunner: Runner; bindings: object }

parentPort?.on('message', (job: CircomJob) => void run(job).then((outcome) => parentPort?.postMessage(outcome)))

async function run({ directory, args }: CircomJob): Promise<CircomOutcome> {
  const printed: string[] = []
  let ok = true
  try {
    const runner = new CircomRunner({
      args,
      env: {},
      preopens: { '.': directory },
      bindings: { ...bindings, fs: quietFileSystem(printed) },
    })
    // Compiled already, by the thread that started this one.
    runner.compile = async () => compiler
    await runner.execute(new Uint8Array())
  } catch (error) {
    ok = false
    printed.push(String(error))
  }
  const text = printed.join('')
  return { ok: ok && text.includes('Everything went okay'), printed: text }
}

/** The file system that circom sees, with its two output streams turned into `printed`. */
const quietFileSystem = (printed: string[]) => ({
  ...fs,
  writeSync(
    descriptor: number,
    buffer: Uint8Array,
    offset = 0,
    length = buffer.byteLength - offset,
    position?: number,
  ) {
    if (descriptor === STANDARD_OUTPUT || descriptor === STANDARD_ERROR) {
      printed.push(Buffer.from(buffer.buffer, buffer.byteOffset + offset, length).toString('utf8'))
      return length
    }
    return fs.writeSync(descriptor, buffer, offset, length, position)
  },
})
