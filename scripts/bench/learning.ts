// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of the learning room.
//
//   learning.train.<model>.<backend>         samples/s, beside tfjs's CPU backend in the same run
//   learning.workers.<model>.batch-<n>.<what> two worker threads beside one: samples/s, and processor time of the busiest thread and of all
//   learning.workers.<model>.memory          resident bytes that the second thread adds
//   learning.memory.<backend>.growth         bytes (tensors) gained over 1,000 steps
//   learning.gradient.<what>                 largest relative error against the CPU backend or finite differences
//   learning.central.<model>.accuracy        percent on the MNIST test set
//   learning.fedavg.<partition>.rounds-to-…  McMahan et al. 2017, table 2: 100 clients, C 0.1, E 5, B 10
//   learning.dirichlet.rounds-to-97          10 clients, Dirichlet(0.5)
//   learning.poison.<strategy>.accuracy      20 % of 20 clients flip the sign of their update and exaggerate it fourfold
//   learning.simulate.100x20.time            `cohort simulate --keepers 100 --rounds 20`
//
// `npm run bench -- learning fedavg central …` measures only the subjects named: throughput, workers, memory, gradients, central,
// simulate, poison, dirichlet, fedavg; the other rows of the file stay.
import type { DatasetPair } from '../../keepers/learning/index.ts'
import type { Bench } from './harness.ts'
import { centralAccuracy } from './learning/central.ts'
import { dirichlet, fedavg, poison, simulateTime } from './learning/federated.ts'
import { gradients } from './learning/gradients.ts'
import { memory, throughput } from './learning/throughput.ts'
import { workers } from './learning/workers.ts'

const SECTIONS = {
  throughput,
  workers,
  memory,
  gradients,
  central: centralAccuracy,
  simulate: simulateTime,
  poison,
  dirichlet,
  fedavg,
}

export const bench: Bench = {
  area: 'learning',
  summary: 'training throughput, exactness, and how fast federations learn',
  async run(context) {
    const { loadDigits } = await import('../../keepers/learning/index.ts')
    const { args } = context
    const unknown = args.find((name) => !(name in SECTIONS))
    if (unknown !== undefined) {
      throw new RangeError(`no subject '${unknown}'; known: ${Object.keys(SECTIONS).join(', ')}`)
    }
    const { announcement, ...data } = await loadDigits(context.dataDir === null ? {} : { dir: context.dataDir })
    context.progress(announcement)
    for (const [name, section] of Object.entries(SECTIONS)) {
      if (args.length > 0 && !args.includes(name)) continue
      context.progress(`${name} …`)
      await section(context, data satisfies DatasetPair)
    }
  },
}
