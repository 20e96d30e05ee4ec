// SPDX-License-Identifier: GPL-3.0-or-later
// Training on worker processes behind a queue, beside training in one process. It counts whose work it is, so that nobody mistakes work that
// came back for work that was done elsewhere.
import process from 'node:process'
import { expect } from 'chai'
import {
  Calculators,
  gradients,
  type JobEvent,
  type JobQueue,
  LocalQueue,
  openQueue,
} from '../../keepers/jobs/index.ts'
import { initialWeights, LocalTrainer, modelSpec, proceduralDigits } from '../../keepers/learning/index.ts'
import { RedisServer, redisBinary } from '../../scripts/test/redis-server.ts'
import { WorkerProcess } from '../../scripts/test/worker-process.ts'

const SLICES = 3

describe('training on worker processes behind a queue', function () {
  this.timeout(180_000)
  let server: RedisServer
  const workers: WorkerProcess[] = []
  before(async function () {
    const binary = redisBinary()
    if (binary === null) {
      process.stderr.write('no redis-server and no valkey-server: the queue is not tested\n')
      return this.skip()
    }
    server = await RedisServer.start(binary)
  })
  after(async () => {
    for (const worker of workers) await worker.kill()
    await server?.stop()
  })

  const spec = modelSpec('small-cnn')
  const { train } = proceduralDigits({ seed: 3, train: 240, test: 10 })

  async function weightsBy(queue: JobQueue | null, onStep?: (step: number) => void): Promise<Buffer> {
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(train)
    trainer.setParameters({ epochs: 2, batchSize: 24, optimizer: { kind: 'adam', learningRate: 0.002 }, seed: 9 })
    trainer.setWeights(initialWeights(spec, 1))
    let step = 0
    const farm = async (task: Parameters<typeof gradients.laneOf>[0], signal?: AbortSignal) => {
      if (task.share < 1 && step++ >= 0) onStep?.(step)
      return await queue!.submit(gradients, task, signal === undefined ? {} : { signal })
    }
    const { weights } = await trainer.train({ workers: SLICES, ...(queue === null ? {} : { farm }) })
    trainer.teardown()
    return Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength)
  }

  it('gives the bits of threads and of one process, also when one of two workers is killed with a job', async () => {
    const threads = await weightsBy(null)
    using calculators = new Calculators()
    const alone = await weightsBy(new LocalQueue(calculators.performers))
    expect(Buffer.compare(alone, threads)).to.equal(0)

    const options = server.options()
    const [first, second] = [new WorkerProcess(options), new WorkerProcess(options)]
    workers.push(first, second)
    await Promise.all([first.until('connected'), second.until('connected')])
    const events: JobEvent[] = []
    const { queue } = await openQueue(server.access(), calculators.performers, (event) => events.push(event))
    let killed: Promise<void> | null = null
    const together = await weightsBy(queue, (step) => {
      // Stopped, it keeps the job that it has or takes next; killed a little later, it never gives it back.
      if (step !== 12) return
      first.pause()
      killed = new Promise<void>((resolve) => setTimeout(() => resolve(first.kill()), 700))
    })
    await killed
    await queue.close()
    expect(Buffer.compare(together, alone), 'weights of workers and of one process').to.equal(0)

    const here = events.filter((one) => one.event === 'job done' && one.where === 'here').length
    const elsewhere = events.filter((one) => one.event === 'job done' && one.where === 'worker').length
    expect([here, events.filter((one) => one.event === 'job returned').length], 'jobs that came back').to.deep.equal([
      0, 0,
    ])
    expect(elsewhere).to.equal(2 * 10 * (SLICES - 1))
    expect(first.count('done')).to.be.within(1, 14)
    expect(first.count('done') + second.count('done')).to.be.at.least(elsewhere)
    expect(await second.stop()).to.equal(0)
  })
})
