// SPDX-License-Identifier: GPL-3.0-or-later
// Training in one process beside one process with two workers behind a queue on Redis, all on this machine. Seconds of the busiest process
// are what machines of their own would take, but for the network; bytes are what would go over it.
import process from 'node:process'
import { Calculators, gradients, LocalQueue, openQueue } from '../../keepers/jobs/index.ts'
import {
  head,
  initialWeights,
  LocalTrainer,
  loadDigits,
  type ModelSpec,
  modelSpec,
  parseModelSpec,
  type SliceFarm,
} from '../../keepers/learning/index.ts'
import { RedisServer, redisBinary } from '../test/redis-server.ts'
import { WorkerProcess } from '../test/worker-process.ts'
import type { Bench, BenchContext } from './harness.ts'

const WORKERS = 2
const BATCHES = [128, 512] as const

export const bench: Bench = {
  area: 'workers',
  summary: 'training with workers behind a queue: processor seconds, bytes a job, the same bits',
  async run(context) {
    const binary = redisBinary()
    if (binary === null) throw new Error('there is no redis-server and no valkey-server on this machine: install one')
    const server = await RedisServer.start(binary)
    const workers: WorkerProcess[] = []
    try {
      const options = server.options()
      for (let i = 0; i < WORKERS; i++) workers.push(new WorkerProcess(options))
      await Promise.all(workers.map((worker) => worker.until('connected')))
      await measure(context, server, workers)
    } finally {
      for (const worker of workers) await worker.kill()
      await server.stop()
    }
  },
}

async function measure(context: BenchContext, server: RedisServer, workers: readonly WorkerProcess[]): Promise<void> {
  const { train } = await loadDigits(context.dataDir === null ? {} : { dir: context.dataDir })
  const data = head(train, Math.min(train.count, context.quick ? 512 : 2_048))
  using calculators = new Calculators()
  const local = new LocalQueue(calculators.performers)
  const { queue, traffic } = await openQueue(server.access(10_000), {})
  const farm =
    (of: LocalQueue | typeof queue): SliceFarm =>
    (task, signal) =>
      of.submit(gradients, task, signal === undefined ? {} : { signal })
  const [here, elsewhere] = [farm(local), farm(queue)]
  for (const [name, spec] of [
    ['article-cnn', modelSpec('article-cnn')],
    ['wide-cnn', await wideCnn()],
  ] as const) {
    for (const batchSize of context.quick ? [256] : BATCHES) {
      const epoch = async (by: SliceFarm | null, count: number, samples = data) => {
        const trainer = await LocalTrainer.create({ spec })
        trainer.loadData(samples)
        trainer.setParameters({ epochs: 1, batchSize, optimizer: { kind: 'adam', learningRate: 0.001 }, seed: 1 })
        trainer.setWeights(initialWeights(spec, 1))
        const before = process.cpuUsage()
        const { weights } = await trainer.train({ workers: count, ...(by === null ? {} : { farm: by }) })
        const { user, system } = process.cpuUsage(before)
        trainer.teardown()
        return {
          weights: Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength),
          seconds: (user + system) / 1e6,
        }
      }
      // Code is compiled, and workers read the architecture, in the first round.
      const few = head(data, batchSize)
      await epoch(null, 1, few)
      await epoch(elsewhere, WORKERS + 1, few)
      const alone = await epoch(null, 1)
      const start = workers.map((worker) => worker.processorSeconds())
      const { jobs, sent, received } = traffic
      const together = await epoch(elsewhere, WORKERS + 1)
      const others = workers.map((worker, i) => worker.processorSeconds() - start[i]!)
      const same = Buffer.compare(together.weights, (await epoch(here, WORKERS + 1)).weights) === 0
      if (!same) throw new Error(`${name}: workers gave other bits than one process`)
      const done = traffic.jobs - jobs
      const raw = 4 * spec.parameterCount
      const samples = (data.count / done) * (WORKERS / (WORKERS + 1))
      const metric = `workers.${name}.batch-${batchSize}`
      const note = `1 process + ${WORKERS} workers, an epoch of ${data.count} samples, the bits of one process with ${WORKERS + 1} slices`
      context.record({
        metric: `${metric}.busiest-process`,
        value: Math.max(together.seconds, ...others),
        unit: 's',
        peer: 'one process, one thread',
        peerValue: alone.seconds,
        note: `processor time; ${note}`,
      })
      context.record({
        metric: `${metric}.processor`,
        value: together.seconds + others.reduce((sum, seconds) => sum + seconds, 0),
        unit: 's',
        peer: 'one process, one thread',
        peerValue: alone.seconds,
        note: `of all processes; ${note}`,
      })
      const sentEach = (traffic.sent - sent) / done
      const needed = raw + samples * 4 * spec.inputShape.reduce((a, b) => a * b, 1)
      context.record({
        metric: `${metric}.job`,
        value: sentEach,
        unit: 'bytes',
        peer: 'weights and samples alone',
        peerValue: needed,
        note: `sealed, to the server; ${done} jobs`,
      })
      context.record({
        metric: `${metric}.answer`,
        value: (traffic.received - received) / done,
        unit: 'bytes',
        peer: 'gradient alone',
        peerValue: raw,
        note: 'sealed, from the server',
      })
    }
  }
  await queue.close()
}

/** article-cnn with 32 and 64 filters in place of 6 and 16: 20 times the arithmetic for 4 times the weights. */
async function wideCnn(): Promise<ModelSpec> {
  const topology = structuredClone(modelSpec('article-cnn').topology)
  const layers = topology.config.layers as { config: { name: string; filters?: number } }[]
  for (const { config } of layers) {
    if (config.name === 'conv1') config.filters = 32
    if (config.name === 'conv2') config.filters = 64
  }
  return { ...(await parseModelSpec({ modelTopology: topology })), name: 'wide-cnn' }
}
