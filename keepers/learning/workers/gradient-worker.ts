// SPDX-License-Identifier: GPL-3.0-or-later
// A worker thread that computes gradients of slices of batches. It keeps no optimiser state and no samples beyond its slice.
import { parentPort, workerData } from 'node:worker_threads'
import { createEngine } from '../engine/backend.ts'
import type { Engine } from '../engine/engine.ts'
import { packError } from '../thread-error.ts'
import {
  COMMAND,
  CORRECT,
  COUNT,
  DONE,
  FAILED,
  type GradientReply,
  type GradientRequest,
  type GradientWorkerData,
  LOSS_SUM,
  SEED,
  SHARE,
  type SharedSlice,
  type Sizes,
  sizesOf,
  staged,
} from './shared.ts'
import { differentiate } from './slices.ts'

if (parentPort !== null) {
  const port = parentPort
  const reply = (message: GradientReply) => port.postMessage(message)
  const { spec, backend } = workerData as GradientWorkerData
  try {
    const engine = await createEngine(spec, backend)
    const sizes = sizesOf(spec)
    port.on('message', (request: GradientRequest) => serve(engine, sizes, request, reply))
    reply({ kind: 'ready' })
  } catch (error) {
    reply({ kind: 'failed', error: packError(error) })
  }
}

/** Answers commands, asleep in between, until it is sent back. */
function serve(
  engine: Engine,
  sizes: Sizes,
  { slice, from }: GradientRequest,
  reply: (message: GradientReply) => void,
): void {
  const { control } = slice
  for (let last = from; ; ) {
    Atomics.wait(control, COMMAND, last)
    last = Atomics.load(control, COMMAND)
    if (control[COUNT] === 0) return
    try {
      compute(engine, sizes, slice)
    } catch (error) {
      reply({ kind: 'failed', error: packError(error) })
      control[FAILED] = 1
    }
    Atomics.store(control, DONE, last)
    Atomics.notify(control, DONE)
  }
}

function compute(engine: Engine, sizes: Sizes, slice: SharedSlice): void {
  const { control, figures } = slice
  const count = control[COUNT]!
  engine.setWeights(slice.weights)
  const task = { count, ...staged(slice, count, sizes), seed: control[SEED]! >>> 0, share: figures[SHARE]! }
  const { lossSum, correct } = differentiate(engine, task, slice.gradient)
  figures[LOSS_SUM] = lossSum
  figures[CORRECT] = correct
}
