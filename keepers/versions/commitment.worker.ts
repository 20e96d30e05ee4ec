// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that commits to the weights of one model and then ends, so that its memory is freed.
import { parentPort, workerData } from 'node:worker_threads'
import type { CommitmentRequest } from './commitment-thread.ts'
import { commitToWeights } from './provable.ts'

const { model, weights } = workerData as CommitmentRequest
parentPort!.postMessage(commitToWeights(model, weights))
