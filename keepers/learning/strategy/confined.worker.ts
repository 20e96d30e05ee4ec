// SPDX-License-Identifier: GPL-3.0-or-later
// The process of one call of a strategy's module. The module blocks it; a thread beside watches its memory, of which V8 bounds only the heap
// and not what arrays of numbers take, and whether the keeper still lives.
import { Worker } from 'node:worker_threads'
import { LearningError } from '../errors.ts'
import { type StrategyReply, type StrategyRequest, TOO_MUCH_MEMORY } from './confined.ts'
import { StrategyModule } from './module.ts'

const WATCH = `
const { workerData } = require('node:worker_threads')
setInterval(() => {
  if (process.memoryUsage.rss() > workerData.bytes) require('node:fs').writeSync(2, workerData.says)
  else if (process.ppid === workerData.keeper) return
  process.kill(process.pid, 'SIGKILL')
}, 20)`

process.once('message', (request: StrategyRequest) => {
  const { source, terms, parameters, where, task, mebibytes, keeper } = request
  const watch = { bytes: mebibytes * 2 ** 20, says: TOO_MUCH_MEMORY, keeper }
  const watcher = new Worker(WATCH, { eval: true, workerData: watch })
  watcher.once('online', () => {
    let reply: StrategyReply
    try {
      const module_ = new StrategyModule(source, terms, parameters, where)
      const { vectors, home, localRate, weighs } = module_
      if (task.kind === 'open') reply = { value: { vectors, home, localRate, weighs } }
      else if (task.kind === 'step') reply = { value: module_.step(...task.args) }
      else reply = { value: module_.weight(...task.args) }
    } catch (error) {
      const code = error instanceof LearningError ? error.code : 'BAD_STRATEGY'
      reply = { code, message: error instanceof Error ? error.message : String(error) }
    }
    process.send!(reply)
  })
})
