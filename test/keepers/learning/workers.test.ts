// SPDX-License-Identifier: GPL-3.0-or-later
// Training over worker threads: the same bits, the same quality, and what happens when a thread dies.
import { createHash } from 'node:crypto'
import process from 'node:process'
import type { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { gather } from '../../../keepers/learning/data/dataset.ts'
import { createEngine } from '../../../keepers/learning/engine/backend.ts'
import {
  createDataset,
  type Dataset,
  decodeCheckpoint,
  deriveSeed,
  encodeCheckpoint,
  head,
  initialWeights,
  LearningError,
  LocalTrainer,
  type ModelSpec,
  modelSpec,
  proceduralDigits,
  SeededRandom,
  type TrainingParameters,
  type TrainOptions,
} from '../../../keepers/learning/index.ts'
import { GradientWorkers } from '../../../keepers/learning/workers/gradient-workers.ts'
import { boundsOf } from '../../../keepers/learning/workers/shared.ts'
import type { FillSlice } from '../../../keepers/learning/workers/slices.ts'
import { refuses } from './refusal.ts'

const PARAMETERS: TrainingParameters = {
  epochs: 1,
  batchSize: 16,
  optimizer: { kind: 'adam', learningRate: 0.003 },
  seed: 7,
}
/** Of the weights after `PARAMETERS` on 500 of the samples below, as training had them before there were workers. */
const BEFORE_WORKERS = 'b78d4d39a98942605cda989c18a3ec4137a8e2cf71116a44df82a75233662d92'

describe('learning: worker threads', function () {
  this.timeout(60_000)
  const { train, test } = proceduralDigits({ seed: 3, train: 1200, test: 300 })
  const some = head(train, 500)
  const open: LocalTrainer[] = []
  const started: Worker[] = []
  /** Their exit codes, asked for at once: a thread may end before a test gets to ask. */
  const exits: Promise<number>[] = []
  const note = (worker: Worker) => {
    started.push(worker)
    exits.push(new Promise((done) => worker.once('exit', done)))
  }
  before(() => process.on('worker', note))
  after(() => process.off('worker', note))
  beforeEach(() => {
    started.length = 0
    exits.length = 0
  })
  afterEach(() => {
    for (const trainer of open.splice(0)) trainer.teardown()
  })

  async function fresh(
    parameters: Partial<TrainingParameters> = {},
    { data = some, spec = modelSpec('small-cnn') }: { data?: Dataset; spec?: ModelSpec } = {},
  ): Promise<LocalTrainer> {
    const trainer = await LocalTrainer.create({ spec })
    open.push(trainer)
    trainer.loadData(data)
    trainer.setParameters({ ...PARAMETERS, ...parameters })
    trainer.setWeights(initialWeights(spec, 1))
    return trainer
  }
  const weightsOf = async (workers: number, parameters: Partial<TrainingParameters> = {}, options: TrainOptions = {}) =>
    (await (await fresh(parameters)).train({ workers, ...options })).weights
  const farthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))

  it('one worker is training as it was, to the bit, and starts no thread', async () => {
    const weights = await weightsOf(1)
    expect(createHash('sha256').update(weights).digest('hex')).to.equal(BEFORE_WORKERS)
    expect(await (await fresh()).train())
      .to.have.property('weights')
      .that.deep.equals(weights)
    expect(started).to.deep.equal([])
  })

  for (const workers of [2, 3]) {
    it(`${workers} workers give the same bits twice, and one trainer the same as two`, async () => {
      const first = await weightsOf(workers)
      expect(await weightsOf(workers)).to.deep.equal(first)
      expect(started).to.have.length(2 * (workers - 1))
      const again = await fresh()
      await again.train({ workers })
      again.setWeights(initialWeights(again.spec, 1))
      expect((await again.train({ workers })).weights).to.deep.equal(first)
      expect(started, 'threads that stay').to.have.length(3 * (workers - 1))
      expect(await weightsOf(workers, { seed: 8 })).to.not.deep.equal(first)
    })
  }

  it('the sum of the slices` gradients is the batch`s: a few steps of SGD end where one thread ends', async () => {
    const parameters = {
      optimizer: { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
      batchSize: 50,
      clipGradientNorm: 0.5,
      weightDecay: 0.01,
      proximalMu: 0.1,
    } as const
    const spec = modelSpec('small-cnn')
    const correction = Float32Array.from({ length: spec.parameterCount }, (_, i) => (i % 7) * 1e-3)
    const alone = await weightsOf(1, parameters, { correction })
    expect(farthest(alone, initialWeights(spec, 1))).to.be.above(0.05)
    for (const workers of [2, 3, 4]) {
      const together = await weightsOf(workers, parameters, { correction })
      // Sums in another order, and nothing else: a slice left out, or counted twice, would show in the second digit.
      expect(farthest(together, alone), `${workers} workers`).to.be.within(Number.MIN_VALUE, 2e-4)
    }
  })

  it('the bits are those of the slices added in their order, as one thread computes them one after the other', async () => {
    const count = 50
    const batch = head(train, count)
    const settings = { optimizer: { kind: 'sgd', learningRate: 0.5 }, batchSize: count } as const
    const trainer = await fresh(settings, { data: batch })
    const { weights } = await trainer.train({ workers: 3 })
    const order = new SeededRandom(deriveSeed(PARAMETERS.seed, 0x0e, 0)).permutation(count)
    const seed = deriveSeed(PARAMETERS.seed, 0x57, 0, 0)
    const bounds = boundsOf(count, 3)

    const byHand = async (turns: readonly number[]) => {
      const engine = await createEngine(trainer.spec, 'fused')
      engine.setWeights(initialWeights(trainer.spec, 1))
      engine.beginUpdates(settings)
      const differentiate = (slice: number) => {
        const [start, end] = [bounds[slice]!, bounds[slice + 1]!]
        gather(batch, order, start, end - start, engine.stage(end - start))
        const sliceSeed = slice === 0 ? seed : deriveSeed(seed, 0x77, slice)
        engine.differentiate(end - start, sliceSeed, (end - start) / count)
      }
      const parts = turns.map((slice) => {
        differentiate(slice)
        const part = new Float32Array(trainer.spec.parameterCount)
        engine.readGradient(part)
        return part
      })
      differentiate(0)
      for (const part of parts) engine.addGradient(part)
      engine.applyGradient()
      return engine.getWeights()
    }
    expect(await byHand([1, 2])).to.deep.equal(weights)
    // The order does decide: threads that were added as they are done would give these bits now and then.
    expect(await byHand([2, 1])).to.not.deep.equal(weights)
    expect(await byHand([1])).to.not.deep.equal(weights)
  })

  it('2, 3 and 4 workers reach one thread`s accuracy, where a fifth of the epochs does not', async () => {
    const accuracyOf = async (workers: number, epochs: number) => {
      const trainer = await fresh({ epochs, batchSize: 32 }, { data: train })
      const { history } = await trainer.train({ workers })
      expect(history).to.have.length(epochs)
      return { accuracy: (await trainer.evaluate(test)).accuracy, loss: history.at(-1)!.loss }
    }
    const alone = await accuracyOf(1, 5)
    const short = await accuracyOf(1, 1)
    expect(alone.accuracy - short.accuracy, 'what the tolerance can see').to.be.above(0.1)
    for (const workers of [2, 3, 4]) {
      const { accuracy, loss } = await accuracyOf(workers, 5)
      expect(accuracy, `${workers} workers`).to.be.closeTo(alone.accuracy, 0.03)
      expect(loss, `${workers} workers`).to.be.closeTo(alone.loss, 0.05 * alone.loss)
    }
  })

  it('slices differ by one sample at most, and leave none out', () => {
    for (let workers = 1; workers <= 5; workers++) {
      for (let count = 1; count <= 12; count++) {
        const bounds = boundsOf(count, workers)
        const sizes = bounds.slice(1).map((end, i) => end - bounds[i]!)
        expect([bounds[0], bounds.at(-1)]).to.deep.equal([0, count])
        expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1)
        expect(sizes[0]).to.be.above(0)
      }
    }
  })

  it('a last batch of fewer samples than workers is trained on, too', async () => {
    const trainer = await fresh({ batchSize: 33 }, { data: head(train, 35) })
    const { history } = await trainer.train({ workers: 4 })
    const alone = await fresh({ batchSize: 33 }, { data: head(train, 35) })
    expect(history[0]!.loss).to.be.closeTo((await alone.train()).history[0]!.loss, 1e-3)
  })

  it('a larger batch later on is as good', async () => {
    const trainer = await fresh({ batchSize: 4 })
    await trainer.train({ workers: 2 })
    trainer.setWeights(initialWeights(trainer.spec, 1))
    trainer.setParameters({ ...PARAMETERS, batchSize: 100 })
    expect((await trainer.train({ workers: 2 })).weights).to.deep.equal(await weightsOf(2, { batchSize: 100 }))
  })

  /** Kills a thread in the middle of a training of several epochs. */
  async function killedIn(trainer: LocalTrainer, workers: number, options: TrainOptions = {}): Promise<LearningError> {
    let killed = false
    const onProgress: TrainOptions['onProgress'] = ({ epoch, step }) => {
      if (killed || epoch < 1 || step < 5) return
      killed = true
      void started.at(-1)!.terminate()
    }
    const error = await trainer.train({ workers, onProgress, ...options }).catch((reason: unknown) => reason)
    expect(killed).to.equal(true)
    expect(error).to.be.instanceOf(LearningError)
    return error as LearningError
  }

  it('a worker that dies fails the training by name; resumed or begun anew, it reaches the very same bits', async () => {
    const long = { epochs: 12, batchSize: 25 }
    const whole = await weightsOf(2, long)
    started.length = 0
    const trainer = await fresh(long)
    const error = await killedIn(trainer, 2)
    expect([error.code, error.message]).to.deep.equal([
      'WORKER_DIED',
      'training worker 2 of 2 ended with code 1; the weights are those of the last whole step, and the next training starts new workers',
    ])
    const checkpoint = trainer.checkpoint()!
    expect(checkpoint.epoch * 20 + checkpoint.step).to.equal(checkpoint.updates)

    const resume = decodeCheckpoint(encodeCheckpoint(checkpoint))
    expect(resume.workers).to.equal(2)
    expect((await trainer.train({ resume })).weights).to.deep.equal(whole)
    trainer.setWeights(initialWeights(trainer.spec, 1))
    trainer.setParameters({ ...PARAMETERS, ...long })
    expect((await trainer.train({ workers: 2 })).weights).to.deep.equal(whole)
    expect(started).to.have.length(2)
  })

  it('a worker that dies between two steps fails the next one: no step goes on with the slices that are left', async () => {
    const spec = modelSpec('small-cnn')
    const engine = await createEngine(spec, 'fused')
    engine.setWeights(initialWeights(spec, 1))
    engine.beginUpdates(PARAMETERS)
    const fill: FillSlice = (start, count, buffers) => gather(some, null, start, count, buffers)
    const workers = new GradientWorkers(engine, 2)
    try {
      await workers.begin(16)
      await workers.step(16, 1, fill)
      const before = engine.getWeights()
      const ended = new Promise((done) => started[0]!.once('exit', done))
      await started[0]!.terminate()
      await ended
      await refuses(() => workers.step(16, 2, fill), 'WORKER_DIED', /training worker 2 of 2 ended/)
      expect(engine.getWeights()).to.deep.equal(before)
      await workers.begin(16)
      await workers.step(16, 2, fill)
      expect(engine.getWeights()).to.not.deep.equal(before)
      workers.close()
      await refuses(() => workers.step(16, 3, fill), 'TORN_DOWN', /torn down/)
    } finally {
      workers.close()
      engine.dispose()
    }
  })

  it('a worker that dies ends its fellows, and none is left behind', async () => {
    const trainer = await fresh({ epochs: 12, batchSize: 25 })
    expect((await killedIn(trainer, 3)).code).to.equal('WORKER_DIED')
    expect(await Promise.all(exits)).to.deep.equal([1, 1])
  })

  it('a diverged training is named, restores the weights, and leaves workers that train the next one', async () => {
    const trainer = await fresh()
    const start = trainer.getWeights()
    const huge = Float32Array.from(some.inputs, (value) => value * 1e23)
    trainer.loadData(createDataset({ ...some, inputs: huge }))
    trainer.setParameters({ ...PARAMETERS, optimizer: { kind: 'sgd', learningRate: 100 } })
    await refuses(() => trainer.train({ workers: 2 }), 'DIVERGED', /diverged in epoch 1, step \d+.*\(now 100\)/)
    expect(trainer.getWeights()).to.deep.equal(start)
    expect(trainer.checkpoint()).to.equal(null)
    trainer.loadData(some)
    trainer.setParameters(PARAMETERS)
    expect((await trainer.train({ workers: 2 })).weights).to.deep.equal(await weightsOf(2))
  })

  it('a slice that alone is not finite, in another thread, is a diverged training as well', async () => {
    const inputs = Float32Array.from(some.inputs, (value) => value * some.scale)
    // In the only batch of the epoch, the last sample is in the last worker's slice.
    const last = new SeededRandom(deriveSeed(PARAMETERS.seed, 0x0e, 0)).permutation(500)[499]!
    inputs.fill(3e38, 784 * last, 784 * (last + 1))
    const trainer = await fresh({ batchSize: 500 }, { data: createDataset({ ...some, inputs }) })
    await refuses(() => trainer.train({ workers: 4 }), 'DIVERGED', /epoch 1, step 1 .*the loss is not finite/)
  })

  it('an abort stops between two steps; resumed with its workers, it reaches the same bits', async () => {
    const long = { epochs: 8, batchSize: 20 }
    const whole = await weightsOf(3, long)
    const trainer = await fresh(long)
    const controller = new AbortController()
    const onProgress: TrainOptions['onProgress'] = ({ epoch }) => epoch > 1 && controller.abort(new Error('stop here'))
    const stopped = await trainer
      .train({ workers: 3, signal: controller.signal, onProgress })
      .catch((error: Error) => error.message)
    expect(stopped).to.equal('stop here')
    const resume = trainer.checkpoint()!
    expect((await (await fresh(long)).train({ resume })).weights).to.deep.equal(whole)
    // With one thread the rest of the training comes to other bits: the number of workers is part of the state.
    expect((await (await fresh(long)).train({ resume: { ...resume, workers: 1 } })).weights).to.not.deep.equal(whole)
  })

  it('a checkpoint of one thread has the bytes that it had before there were workers', async () => {
    const trainer = await fresh({ epochs: 100, batchSize: 1 })
    const controller = new AbortController()
    await trainer.train({ signal: controller.signal, onProgress: () => controller.abort() }).catch(() => {})
    const bytes = encodeCheckpoint(trainer.checkpoint()!)
    expect(Buffer.from(bytes).includes('workers')).to.equal(false)
    expect(decodeCheckpoint(bytes).workers).to.equal(1)
  })

  it('teardown in the middle of a training ends it, and the threads', async () => {
    const trainer = await fresh({ epochs: 1000 })
    const training = trainer.train({ workers: 2, onProgress: () => trainer.teardown() })
    await refuses(() => training, 'TORN_DOWN', /torn down while training/)
    await refuses(() => trainer.train({ workers: 2 }), 'TORN_DOWN', /torn down/)
    expect(await Promise.all(exits)).to.deep.equal([1])
  })

  for (const workers of [0, 1.5, 65, Number.NaN]) {
    it(`refuses ${workers} workers`, async () => {
      const trainer = await fresh()
      await refuses(() => trainer.train({ workers }), 'BAD_PARAMETERS', /workers is .*whole number from 1 to 64/)
      expect((await trainer.train()).history).to.have.length(1)
    })
  }
})
