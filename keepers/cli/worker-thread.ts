// SPDX-License-Identifier: GPL-3.0-or-later
// A thread of `cohort worker` that does jobs.
import { parentPort, workerData } from 'node:worker_threads'
import { Calculators, claims, gradients, type Performers, proofs, serveThread } from '../jobs/index.ts'

export type WorkerThreadData = {
  readonly cohortWorker: { readonly circuits: readonly string[]; readonly keys: number }
  /** The package web-worker, which ffjavascript loads, takes every thread for one of its own and runs the module `mod`. This one is empty. */
  readonly mod: 'data:text/javascript,'
}

if (parentPort !== null && (workerData as WorkerThreadData | null)?.cohortWorker !== undefined) {
  const { circuits, keys } = (workerData as WorkerThreadData).cohortWorker
  const kinds = { gradients, claims, proofs: proofs() }
  const { performers } = new Calculators()
  serveThread(parentPort, kinds as never, { ...performers, ...(circuits.length === 0 ? {} : proving(circuits, keys)) })
}

function proving(folders: readonly string[], loadedKeys: number): Pick<Performers, 'proofs'> {
  const shelf = import('../serving/index.ts').then(({ CircuitShelf }) => CircuitShelf.open({ folders, loadedKeys }))
  // The first job reports it.
  shelf.catch(() => undefined)
  return { proofs: async (task, signal) => await (await shelf).performers.proofs(task, signal) }
}
