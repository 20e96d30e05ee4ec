// SPDX-License-Identifier: GPL-3.0-or-later
// The process of one call of a strategy's module. The module blocks it; a thread beside watches its memory, of which V8 bounds only the heap
// and not what arrays of numbers take, and whether the keeper still lives. In a namespace of its own, the kernel ends it with the keeper.
import { readFileSync, writeSync } from 'node:fs'
import process from 'node:process'
import { deserialize } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { REPLY, type StrategyRequest, TOO_MUCH_MEMORY } from './confined.ts'
import { encodeReply, type StrategyAnswer } from './confined-reply.ts'
import { StrategyModule } from './module.ts'

const WATCH = `
const { workerData } = require('node:worker_threads')
setInterval(() => {
  if (process.memoryUsage.rss() > workerData.bytes) require('node:fs').writeSync(2, workerData.says)
  else if (process.ppid === workerData.parent) return
  process.kill(process.pid, 'SIGKILL')
}, 20)`

const { source, terms, parameters, where, task, mebibytes, parent }: StrategyRequest = deserialize(readFileSync(0))
const watch = { bytes: mebibytes * 2 ** 20, says: TOO_MUCH_MEMORY, parent }
const watcher = new Worker(WATCH, { eval: true, workerData: watch })
watcher.once('online', () => {
  let answer: StrategyAnswer | Error
  try {
    const module_ = new StrategyModule(source, terms, parameters, where)
    const { vectors, home, localRate, weighs } = module_
    if (task.kind === 'open') answer = { vectors, home, localRate, weighs }
    else if (task.kind === 'step') answer = module_.step(...task.args)
    else answer = module_.weight(...task.args)
  } catch (error) {
    answer = error instanceof Error ? error : new Error(String(error))
  }
  const bytes = encodeReply(answer)
  for (let at = 0; at < bytes.length; ) at += writeSync(REPLY, bytes, at)
  process.exit(0)
})
