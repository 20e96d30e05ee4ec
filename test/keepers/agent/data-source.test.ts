// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { AgentError, KEEPER_EXIT, type KeeperConfig, parseConfig } from '../../../keepers/agent/index.ts'
import { Trainer } from '../../../keepers/agent/training/trainer.ts'
import { LearningError, proceduralDigits } from '../../../keepers/learning/index.ts'
import {
  answersOf,
  commitToWeights,
  exampleManifest,
  manifestDigest,
  openManifest,
  type ServiceManifest,
} from '../../../keepers/versions/index.ts'
import { writeIdxPair } from '../learning/idx-writer.ts'

const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')

describe('a keeper`s own data', function () {
  this.timeout(60_000)
  let folder: string
  const open: Trainer[] = []

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-data-'))
    // Two features in the corners of a square: whoever reads columns or classes wrongly does not learn it.
    const rows = Array.from({ length: 120 }, (_, i) => {
      const sick = i % 3 === 0
      const jitter = ((i * 7919) % 100) / 200
      return `${sick ? 'sick' : 'well'},${i},${sick ? 60 + jitter : 30 + jitter},${sick ? 1 - jitter : 4 + jitter}`
    })
    writeFileSync(join(folder, 'patients.csv'), `outcome,id,age,dose\n${rows.join('\n')}\n`)
    for (const name of ['dark', 'light']) {
      mkdirSync(join(folder, 'pictures', name), { recursive: true })
      for (let i = 0; i < 30; i++) {
        const pixels = Buffer.alloc(16 * 16, (name === 'dark' ? 10 : 200) + i)
        const file = join(folder, 'pictures', name, `${i}.pgm`)
        writeFileSync(file, Buffer.concat([Buffer.from('P5 16 16 255\n'), pixels]))
      }
    }
    const corners = Array.from({ length: 120 }, (_, i) => (i % 3 === 0 ? [60 + (i % 7), 1] : [30 + (i % 7), 4]))
    const states = corners.map(([age]) => (age! >= 60 ? 'sick' : 'well'))
    writeFileSync(join(folder, 'patients.json'), JSON.stringify({ measures: corners, states }))
    await writeIdxPair(join(folder, 'idx'), proceduralDigits({ seed: 3, train: 200, test: 20 }))
    for (const file of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) rmSync(join(folder, 'idx', file))
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((trainer) => trainer.stop()))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const configOf = (data: string, manifest: ServiceManifest): KeeperConfig =>
    parseConfig(example.replace('source: digits ', `${data} `), folder, manifest)
  const start = async (config: KeeperConfig): Promise<Trainer> => {
    const trainer = await Trainer.start(config)
    open.push(trainer)
    return trainer
  }

  const table = (classes: string[]): ServiceManifest =>
    exampleManifest('logistic', {
      classes,
      input: {
        kind: 'table',
        shape: [2],
        features: ['age', 'dose'],
        label: 'outcome',
        scale: [
          { mean: 45, deviation: 15 },
          { mean: 2, deviation: 2 },
        ],
        delimiter: ',',
      },
    })
  const tensor = (classes: string[], most = 90): ServiceManifest =>
    exampleManifest('logistic', {
      classes,
      input: {
        kind: 'tensor',
        shape: [2],
        array: 'measures',
        label: 'states',
        numbers: 'integer',
        scale: [
          { mean: 45, deviation: 15, min: 0, max: most },
          { mean: 2, deviation: 2, min: 0, max: 10 },
        ],
      },
    })
  const pictures = (side: number): ServiceManifest =>
    exampleManifest('logistic', { classes: ['light', 'dark'], input: { kind: 'picture', shape: [side, side, 1] } })
  const sources: [string, string, ServiceManifest, number][] = [
    ['a table', 'source: csv\n  path: patients.csv', table(['well', 'sick']), 0.95],
    ['arrays', 'source: tensor\n  path: patients.json', tensor(['well', 'sick']), 0.95],
    ['folders of pictures', 'source: images\n  path: pictures', pictures(16), 0.95],
    ['IDX files without a test pair', 'source: idx\n  path: idx', exampleManifest('small-cnn'), 0.3],
  ]
  for (const [what, data, manifest, accuracy] of sources) {
    it(`trains on ${what}, and has weights that can be committed to`, async () => {
      const config = configOf(data, manifest)
      const trainer = await start(config)
      const model = await openManifest(config.service.manifest)
      expect(trainer.shard.parameterCount).to.equal(model.spec.parameterCount)
      expect(trainer.shard.testSamples).to.equal(0)
      const training = { ...config.training, epochs: 12, learningRate: 0.02 }
      const { weights, samples } = await trainer.train(trainer.shard.initialWeights, { round: 1, epoch: 1 }, training)
      expect(samples).to.equal(trainer.shard.samples)
      const score = await trainer.evaluate(weights)
      expect(score.accuracy).to.be.at.least(accuracy)
      // By the names of the manifest, every sample of the hold-out once.
      expect(trainer.shard).to.deep.include({ backend: 'fused', warnings: [] })
      const counts = Object.values(score.confusion!).flatMap((row) => Object.values(row))
      expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(trainer.shard.heldOut)
      const names = answersOf(manifest.task) as string[]
      expect(names).to.include.members(Object.keys(score.confusion!))
      expect(score.classes!.map(({ name }) => name)).to.deep.equal(names)
      expect(commitToWeights(model, weights).commitment).to.match(/^0x[0-9a-f]{64}$/)
    })
  }

  it('is shared by training.workers: the same bits in two keepers, and no noise among them', async () => {
    const plain = exampleManifest('small-cnn')
    const { rounds } = plain
    const privacy = { noiseMultiplier: 1, contributors: 4, colluders: 1, delta: 1e-6 }
    // A member's noise is drawn from the system's randomness: a thread that added any would give other bits each time.
    const secret = { ...plain, rounds: { ...rounds, clipNorm: 1, clipBound: 16, privacy } }
    const trained = async (workers: number, manifest: ServiceManifest) => {
      const trainer = await start(configOf('source: idx\n  path: idx', manifest))
      const { training } = parseConfig(example.replace('  workers: 1 ', `  workers: ${workers} `), folder, manifest)
      expect(training.workers).to.equal(workers)
      return (await trainer.train(trainer.shard.initialWeights, { round: 3, epoch: 1 }, training)).weights
    }
    const alone = await trained(1, plain)
    const together = await trained(3, plain)
    expect(together).to.not.deep.equal(alone)
    expect(Math.max(...together.map((value, i) => Math.abs(value - alone[i]!)))).to.be.below(0.01)
    expect(await trained(3, secret)).to.deep.equal(together)
  })

  it('stops in the middle of a training that threads share, and so does a cancelled one, which may begin again', async () => {
    const trainer = await start(configOf('source: idx\n  path: idx', exampleManifest('small-cnn')))
    const { training } = parseConfig(
      example.replace('  workers: 1 ', '  workers: 3 '),
      folder,
      exampleManifest('small-cnn'),
    )
    const begin = (epochs: number, signal?: AbortSignal, onProgress?: () => void) =>
      trainer.train(
        trainer.shard.initialWeights,
        { round: 1, epoch: 1 },
        { ...training, epochs },
        {
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined ? {} : { onProgress }),
        },
      )
    const whole = await begin(2)
    const controller = new AbortController()
    const cancelled = begin(1000, controller.signal, () => controller.abort(new Error('another round')))
    expect(await cancelled.catch((error: Error) => error.message)).to.equal('another round')
    expect((await begin(2)).weights).to.deep.equal(whole.weights)
    let stopping: Promise<void> | null = null
    const stopped = begin(1000, undefined, () => {
      stopping ??= trainer.stop()
    })
    expect(await stopped.catch((error: Error) => error))
      .to.be.instanceOf(AgentError)
      .and.include({ code: 'WORKER' })
    await stopping
  })

  it('judges models beside a training that goes on, as it does without one, and changes nothing of it', async () => {
    const config = configOf('source: idx\n  path: idx', exampleManifest('small-cnn'))
    const trainer = await start(config)
    const { initialWeights } = trainer.shard
    const alone = await trainer.evaluate(initialWeights)
    const begin = (onProgress: () => void) =>
      trainer.train(initialWeights, { round: 1, epoch: 1 }, { ...config.training, epochs: 30 }, { onProgress })
    const undisturbed = await begin(() => undefined)
    const order: string[] = []
    let judging: Promise<unknown> | null = null
    const disturbed = begin(() => {
      judging ??= trainer.evaluate(initialWeights).then((score) => {
        order.push('judged')
        expect(score).to.deep.equal(alone)
      })
    })
    const outcome = await disturbed
    order.push('trained')
    await judging
    expect(order).to.deep.equal(['judged', 'trained'])
    expect(outcome.weights).to.deep.equal(undisturbed.weights)
  })

  it('is not needed: a keeper without any has the model, trains on nothing, and says so', async () => {
    const manifest = table(['well', 'sick'])
    const trainer = await start(configOf('source: none', manifest))
    expect(trainer.shard).to.include({ samples: 0, heldOut: 0, testSamples: 0 })
    expect(trainer.shard.announcement).to.match(/^data: none; this keeper relays, decrypts/)
    const { initialWeights } = trainer.shard
    const outcome = await trainer.train(
      initialWeights,
      { round: 1, epoch: 1 },
      configOf('source: none', manifest).training,
    )
    expect(outcome).to.deep.equal({ weights: initialWeights, samples: 0, loss: Number.NaN })
    expect(() => configOf('source: none\n  path: patients.csv', manifest)).to.throw(
      AgentError,
      /data\.path: source none has no samples: leave it out/,
    )
  })

  it('may be for judging alone: all of it is held out', async () => {
    const manifest = table(['well', 'sick'])
    const { data, ...config } = configOf('source: csv\n  path: patients.csv', manifest)
    const trainer = await start({ ...config, data: { ...data, use: 'judge' } })
    expect(trainer.shard).to.include({ samples: 0, heldOut: 120 })
    expect((await trainer.evaluate(trainer.shard.initialWeights)).loss).to.be.above(0)
  })

  it('says by class and code that training diverged, whatever thread it was in, and that data cannot be read', async () => {
    const [, data, manifest] = sources[0]!
    const config = configOf(data, manifest)
    const trainer = await start(config)
    const failure = trainer.train(trainer.shard.initialWeights.fill(3e38), { round: 1, epoch: 1 }, config.training)
    const error: unknown = await failure.catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(LearningError).with.property('code', 'DIVERGED')
    // Where it was thrown, not where it arrived.
    expect((error as Error).stack).to.match(/learning.train/)
    const missing = await start(configOf('source: csv\n  path: none.csv', manifest)).catch((caught: Error) => caught)
    expect((missing as Error).cause).to.be.instanceOf(LearningError)
  })

  it('is trained on by a program of the operator`s, which gets the round and leaves nothing behind', async () => {
    const [, data, manifest] = sources[0]!
    const config = configOf(data, manifest)
    const script = [
      'cp "$COHORT_TRAINING/weights.safetensors" "$COHORT_TRAINING/trained.safetensors"',
      'cp "$COHORT_TRAINING/settings.json" settings.json',
      `printf '{"samples": 50, "metrics": {"f1": 0.5}}' > "$COHORT_TRAINING/metrics.json"`,
    ]
    mkdirSync(join(folder, 'training', 'round-0-killed'), { recursive: true })
    const settings = {
      command: ['sh', '-c', script.join(' && ')],
      limits: { seconds: 20, network: 'allowed' as const, processes: 'own' as const },
    }
    const trainer = await start({ ...config, training: { ...config.training, ...settings } })
    expect(readdirSync(join(folder, 'training'))).to.deep.equal([])
    const { initialWeights } = trainer.shard
    const outcome = await trainer.train(initialWeights, { round: 3, epoch: 2 }, { ...config.training, decay: 0.5 })
    expect(outcome).to.deep.equal({ weights: initialWeights, samples: 50, loss: Number.NaN, metrics: { f1: 0.5 } })
    const told = JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8'))
    expect(told).to.deep.include({ round: 3, epoch: 2, learningRate: 0.0005, manifest: manifestDigest(manifest) })
    expect(told.clip).to.deep.equal({ norm: manifest.rounds.clipNorm, entry: manifest.rounds.clipBound })
    expect(readdirSync(join(folder, 'training'))).to.deep.equal([])
  })

  it('is not trained on by a program that is not there: the keeper does not start', async () => {
    const [, data, manifest] = sources[0]!
    const config = configOf(data, manifest)
    const failure = start({ ...config, training: { ...config.training, command: ['no-such-program'] } })
    const error: unknown = await failure.catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(AgentError).with.property('exitCode', KEEPER_EXIT.config)
    expect((error as Error).message).to.match(
      /keeper\.yaml: training\.command: no-such-program is not an executable file/,
    )
  })

  it('is refused with the file and the reason when it is not what the members agreed on', async () => {
    const wrong: [string, ServiceManifest, RegExp][] = [
      ['source: csv\n  path: none.csv', table(['well', 'sick']), /data: cannot read .*none\.csv/],
      [
        'source: csv\n  path: patients.csv',
        table(['well', 'ill']),
        /patients\.csv:2: label "sick" is not one of well, ill/,
      ],
      [
        'source: tensor\n  path: patients.json',
        tensor(['well', 'ill']),
        /patients\.json: states\[0\] is "sick", not one of well, ill/,
      ],
      [
        'source: tensor\n  path: patients.json',
        tensor(['well', 'sick'], 60),
        /patients\.json: measures\[3, 0\] is 63, takes 0 to 60 \(input\.scale\.0\): leave the sample out/,
      ],
      ['source: images\n  path: pictures', pictures(28), /samples of 16×16×1, the model takes 28×28×1/],
      [
        'source: idx\n  path: idx',
        exampleManifest('small-cnn', { classes: ['0', '1', '2', '3', '4', '5', '6'] }),
        /label \d of sample \d+ is not in 0\.\.6/,
      ],
    ]
    for (const [data, manifest, message] of wrong) {
      const error = await start(configOf(data, manifest)).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(AgentError)
      expect((error as AgentError).message).to.match(message)
      expect((error as AgentError).message).not.to.contain('\n')
      expect((error as AgentError).exitCode).to.equal(KEEPER_EXIT.data)
    }
  })
})
