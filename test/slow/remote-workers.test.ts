// SPDX-License-Identifier: GPL-3.0-or-later
// Training on worker processes behind a queue, beside training in one process. It counts whose work it is, so that nobody mistakes work that
// came back for work that was done elsewhere.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { expect } from 'chai'
import { parseConfig } from '../../keepers/agent/index.ts'
import { KeeperMetrics } from '../../keepers/agent/metrics.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { noteJobs } from '../../keepers/agent/workers.ts'
import {
  Calculators,
  gradients,
  type JobEvent,
  type JobQueue,
  LocalQueue,
  openQueue,
  proofs,
} from '../../keepers/jobs/index.ts'
import { initialWeights, LocalTrainer, modelSpec, proceduralDigits } from '../../keepers/learning/index.ts'
import { CircuitShelf } from '../../keepers/serving/index.ts'
import { exampleManifest } from '../../keepers/versions/index.ts'
import { calibrate, openSegments, setupFolder, splitFolder, traceFolders } from '../../keepers/zkml/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { RedisServer, redisBinary } from '../../scripts/test/redis-server.ts'
import { WorkerProcess } from '../../scripts/test/worker-process.ts'
import { samples, twoLayers } from '../keepers/zkml/quantise/networks.ts'
import { Random } from '../keepers/zkml/random.ts'

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

  it('proves on a worker that has the circuit, and here when there is none; a stranger`s worker is of no use', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cohort-farm-'))
    try {
      const random = new Random(4)
      const inputs = samples(random, 6, 4)
      const { program } = calibrate(twoLayers(random, 4, 3, 2, { kind: 'relu' }), inputs, { mode: 'released' })
      await splitFolder({ folder: home, program, count: 2 })
      const { circuits } = await openSegments(home)
      for (const { folder } of circuits) await setupFolder(folder, { threads: 1 })
      await using shelf = await CircuitShelf.open({ folders: [home], loadedKeys: 2 })
      const traced = traceFolders({ circuits }, { input: inputs[0]!, context: 5n })
      const options = server.options()
      const worker = new WorkerProcess([...options, '--kinds', 'proofs', '--circuits', home])
      workers.push(worker)
      await worker.until('connected')
      const events: JobEvent[] = []
      const { queue } = await openQueue(server.access(), shelf.performers, (event) => events.push(event))
      const prove = async (index: number) => {
        const { sample, publicSignals } = traced[index]!
        const { circuitId, modelCommitment } = circuits[index]!.manifest
        const stated = { inputCommitment: publicSignals[1]!, output: publicSignals[2]! }
        const kind = proofs((task, answer) => shelf.isProofOf(task, answer, stated))
        const salts = sample.salts as { input?: bigint; output?: bigint }
        const task = {
          circuitId,
          modelCommitment: BigInt(modelCommitment),
          input: Float64Array.from(sample.input),
          salts,
          context: 5n,
        }
        const made = await (await queue.submit({ ...kind, pickupMs: 3_000 }, task)).answer()
        expect(made.publicSignals).to.deep.equal([...publicSignals])
      }
      await Promise.all([prove(0), prove(1)])
      expect(events.map((one) => one.event === 'job done' && one.where)).to.deep.equal(['worker', 'worker'])
      expect([worker.count('done'), shelf.loaded]).to.deep.equal([2, 0])
      expect(await worker.stop()).to.equal(0)

      // With another key it takes a job, cannot read it, and the prover proves by itself.
      const stranger = join(home, 'another.key')
      await writeFile(stranger, '08'.repeat(32), { mode: 0o600 })
      const others = options.with(options.indexOf('--queue-key') + 1, stranger)
      const lurker = new WorkerProcess([...others, '--kinds', 'proofs', '--circuits', home])
      workers.push(lurker)
      await lurker.until('connected')
      await prove(0)
      expect(lurker.count('refused')).to.equal(1)
      expect(events.slice(2).map(({ event }) => event)).to.deep.equal(['job returned', 'job done'])
      expect(shelf.loaded).to.equal(1)
      await queue.close()
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('has a keeper hand slices out from its training thread, to the bits of its own threads', async () => {
    const home = await mkdtemp(join(tmpdir(), 'cohort-keeper-'))
    try {
      const rows = Array.from({ length: 80 }, (_, i) => `${(i * 37) % 41},${(i * 17) % 23},${i % 2 ? 'a' : 'b'}`)
      await writeFile(join(home, 'rows.csv'), `x,y,label\n${rows.join('\n')}\n`)
      const options = server.options()
      const optionOf = (name: string) => options[options.indexOf(name) + 1]!
      const input = { kind: 'table', shape: [2], features: ['x', 'y'], label: 'label', delimiter: ',' } as const
      const manifest = exampleManifest('logistic', {
        classes: ['a', 'b'],
        input: { ...input, shape: [2], features: ['x', 'y'] },
      })
      const example = readFileSync(join(ROOT, 'keepers/agent/keeper.example.yaml'), 'utf8')
      const text = example
        .replace('source: digits ', 'source: csv\n  path: rows.csv ')
        .replace('  workers: 1 ', '  workers: 3 ')
      const section = `workers:\n  queue: ${server.url}\n  name: test\n  silentSeconds: 1\n  keyFile: ${optionOf('--queue-key')}\n`
      const withQueue = `${text}\n${section}  passwordFile: ${optionOf('--queue-password')}\n`
      const worker = new WorkerProcess(options)
      workers.push(worker)
      await worker.until('connected')
      const metrics = new KeeperMetrics({ process: false, workers: true })
      const lines: object[] = []
      const log = { info: (line: object) => lines.push(line), warn: (line: object) => lines.push(line) }
      const trained = async (config: ReturnType<typeof parseConfig>) => {
        const trainer = await Trainer.start(config, undefined, noteJobs(log as never, metrics))
        try {
          const { weights } = await trainer.train(trainer.shard.initialWeights, { round: 1, epoch: 1 }, config.training)
          return Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength)
        } finally {
          await trainer.stop()
        }
      }
      const own = await trained(parseConfig(text, home, manifest))
      expect(Buffer.compare(await trained(parseConfig(withQueue, home, manifest)), own)).to.equal(0)
      const shown = await metrics.registry.metrics()
      const jobs = worker.count('done')
      expect(jobs).to.be.above(0)
      const counted = /cohort_jobs_total\{kind="gradients",where="worker"\} (\d+)/.exec(shown)
      expect(Number(counted?.[1])).to.be.within(1, jobs)
      expect(shown).to.match(/cohort_job_bytes_total\{direction="sent"\} [1-9]/)
      await worker.kill()
      // Without workers the keeper does it, and says so.
      expect(Buffer.compare(await trained(parseConfig(withQueue, home, manifest)), own)).to.equal(0)
      expect(lines.at(-1)).to.include({ event: 'job returned', kind: 'gradients', code: 'TIMEOUT' })
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
