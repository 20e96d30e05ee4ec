// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the set-up: multiplies batches of scalars by the generator of G1 or G2, in the kernel where it works.
import { parentPort, workerData } from 'node:worker_threads'
import { workingKernel } from '../kernel/kernel.ts'
import { type CurveImage, CurveMemory, type GroupName } from './curve-memory.ts'
import { FixedBase } from './fixed-base.ts'
import { KernelFixedBase } from './kernel-fixed-base.ts'

export type FixedBaseWorkerData = { readonly image: CurveImage; readonly window: Record<GroupName, number> }
export type FixedBaseRequest = { readonly group: GroupName; readonly scalars: Uint8Array<ArrayBuffer> }

const { image, window } = workerData as FixedBaseWorkerData
const port = parentPort
if (port === null) throw new Error('this file only runs as a worker thread')
const kernel = await workingKernel()
const memory = kernel === null ? await CurveMemory.create(image) : null
const bases: Partial<Record<GroupName, FixedBase | KernelFixedBase>> = {}

port.on('message', ({ group, scalars }: FixedBaseRequest) => {
  bases[group] ??=
    kernel === null ? new FixedBase(memory!, group, window[group]) : new KernelFixedBase(kernel, group, window[group])
  const points = bases[group].multiply(scalars)
  scalars.fill(0)
  port.postMessage(points, [points.buffer])
})
