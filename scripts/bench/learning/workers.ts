// SPDX-License-Identifier: GPL-3.0-or-later
// Training over worker threads beside one thread. On a machine that does other work as well, the time says little: the processor time of the
// busiest thread is the time that an idle machine with a core for each would take, but for the waking of threads.
import process from 'node:process'
import {
  type DatasetPair,
  head,
  initialWeights,
  LocalTrainer,
  type ModelName,
  modelSpec,
} from '../../../keepers/learning/index.ts'
import { type BenchContext, median } from '../harness.ts'

const WORKERS = 2
const MODELS: readonly ModelName[] = ['small-cnn', 'article-cnn']
const BATCHES = [32, 128, 512] as const

/** Milliseconds: of the clock, and of processors, by this thread and by all others of the process. */
type Cost = { readonly elapsed: number; readonly own: number; readonly others: number }

async function cost(body: () => Promise<unknown>): Promise<Cost> {
  const [thread, whole, start] = [process.threadCpuUsage(), process.cpuUsage(), performance.now()]
  await body()
  const elapsed = performance.now() - start
  const sum = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000
  const own = sum(process.threadCpuUsage(thread))
  return { elapsed, own, others: sum(process.cpuUsage(whole)) - own }
}

export async function workers(context: BenchContext, { train }: DatasetPair): Promise<void> {
  const data = head(train, Math.min(train.count, context.quick ? 1024 : 4096))
  const runs = context.quick ? 3 : 9
  for (const name of MODELS) {
    const spec = modelSpec(name)
    const opened = async (count: number) => {
      const trainer = await LocalTrainer.create({ spec })
      trainer.loadData(data)
      const epoch = async (batchSize: number) => {
        trainer.setParameters({ epochs: 1, batchSize, optimizer: { kind: 'adam', learningRate: 0.001 }, seed: 1 })
        trainer.setWeights(initialWeights(spec, 1))
        await trainer.train({ workers: count })
      }
      return { trainer, epoch }
    }
    const alone = await opened(1)
    await alone.epoch(BATCHES[0])
    const together = await opened(WORKERS)
    const before = process.memoryUsage().rss
    await together.epoch(BATCHES[0])
    context.record({
      metric: `learning.workers.${name}.memory`,
      value: Math.max(0, process.memoryUsage().rss - before),
      unit: 'bytes',
      note: `resident, gained by the first epoch with ${WORKERS} workers`,
    })
    for (const batch of BATCHES) {
      const [one, two]: [Cost[], Cost[]] = [[], []]
      for (let i = -1; i < runs; i++) {
        const costs = [await cost(() => alone.epoch(batch)), await cost(() => together.epoch(batch))] as const
        // Memory grows and code is compiled in the first round.
        if (i < 0) continue
        one.push(costs[0])
        two.push(costs[1])
      }
      recordBatch(context, `learning.workers.${name}.batch-${batch}`, data.count, one, two)
    }
    alone.trainer.teardown()
    together.trainer.teardown()
  }
}

function recordBatch(context: BenchContext, metric: string, samples: number, one: Cost[], two: Cost[]): void {
  const note = `${WORKERS} workers, Adam, an epoch of ${samples} samples, median of ${one.length}`
  const middle = (costs: Cost[], of: (cost: Cost) => number) => median(costs.map(of))
  const elapsed = (costs: Cost[]) => middle(costs, (cost) => cost.elapsed)
  const rate = (costs: Cost[]) => (1000 * samples) / elapsed(costs)
  const peer = 'one thread'
  context.record({ metric: `${metric}.speed`, value: rate(two), unit: 'samples/s', peer, peerValue: rate(one), note })
  // Helpers of the engine (its compiler, its collector) count as `others` of one thread, too.
  const idle = middle(one, (cost) => cost.others)
  const busiest = middle(two, ({ own, others }) => Math.max(own, (others - idle) / (WORKERS - 1)))
  const alone = middle(one, (cost) => cost.own)
  context.record({
    metric: `${metric}.busiest-thread`,
    value: busiest,
    unit: 'ms',
    peer,
    peerValue: alone,
    note: `processor time; ${note}`,
  })
  context.record({
    metric: `${metric}.processor`,
    value: middle(two, ({ own, others }) => own + others),
    unit: 'ms',
    peer,
    peerValue: middle(one, ({ own, others }) => own + others),
    note: `of all threads; ${note}`,
  })
}
