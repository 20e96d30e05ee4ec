// SPDX-License-Identifier: GPL-3.0-or-later
// Computes commitments to large models in a thread. Ten million weights take seconds of hashing, for which the caller's events must not wait, and
// hundreds of megabytes of integers, which are freed at once when a thread ends.
import { Worker } from 'node:worker_threads'
import { commitToWeights, type PlannedModel } from './provable.ts'

export type CommitmentRequest = { readonly model: PlannedModel; readonly weights: Float32Array }
type Commitment = ReturnType<typeof commitToWeights>

/** Up to this many weights, a commitment takes less time than starting a thread. */
const SMALL_MODEL = 1 << 18

/** `commitToWeights`, for a large model on a thread of its own. @throws what it throws */
export async function commitApart(model: PlannedModel, weights: Float32Array): Promise<Commitment> {
  if (weights.length <= SMALL_MODEL) return commitToWeights(model, weights)
  const workerData: CommitmentRequest = { model, weights: weights.slice() }
  const transferList = [workerData.weights.buffer as ArrayBuffer]
  const worker = new Worker(new URL('./commitment.worker.ts', import.meta.url), { workerData, transferList })
  return new Promise<Commitment>((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
    // Has no effect after a result.
    worker.on('exit', (code) => reject(new Error(`the thread that commits to weights ended with code ${code}`)))
  })
}
