// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the set-up: multiplies batches of scalars by the generator of G1 or G2.
import { parentPort, workerData } from 'node:worker_threads'
import { type CurveImage, CurveMemory, type GroupName } from './curve-memory.ts'
import { FixedBase } from './fixed-base.ts'

export type FixedBaseWorkerData = { readonly image: CurveImage; readonly window: Record<GroupName, number> }
export type FixedBaseRequest = { readonly group: GroupName; readonly scalars: Uint8Array<ArrayBuffer> }

const { image, window } = workerData as FixedBaseWorkerData
const port = parentPort
if (port === null) throw new Error('this file only runs as a worker thread')
const memory = await CurveMemory.create(image)
const bases: Partial<Record<GroupName, FixedBase>> = {}

port.on('message', ({ group, scalars }: FixedBaseRequest) => {
  const base = bases[group] ?? new FixedBase(memory, group, window[group])
  bases[group] = base
  const points = base.multiply(scalars)
  scalars.fill(0)
  port.postMessage(points, [points.buffer])
})
