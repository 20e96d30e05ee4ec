// SPDX-License-Identifier: GPL-3.0-or-later
// The Python package: its own tests, its types, and its examples run as a keeper runs them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createDataset,
  type ExternalRound,
  ExternalTrainer,
  initialWeights,
  LocalTrainer,
  modelSpec,
  SeededRandom,
} from '../../../keepers/learning/index.ts'
import { normOf } from '../../../keepers/learning/strategy/bound.ts'
import { type Control, controlled, nextControl } from '../../../keepers/learning/strategy/control.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { PYTHON, pythonHas } from './python.ts'

const PACKAGE = join(ROOT, 'trainers/python')

describe('cohort-trainer, the Python package', function () {
  this.timeout(120_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-python-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const python = (...args: readonly string[]) =>
    spawnSync(PYTHON, args, {
      cwd: PACKAGE,
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: 'src', PYTHONDONTWRITEBYTECODE: '1' },
    })

  it('passes its own tests', function () {
    if (!pythonHas('numpy')) return this.skip()
    const { status, stderr } = python('-m', 'unittest', 'discover', '-s', 'tests')
    expect(status, stderr).to.equal(0)
    expect(stderr).to.match(/Ran 1[4-9] tests/)
  })

  it('has types that mypy believes', function () {
    if (!pythonHas('numpy') || !pythonHas('mypy')) return this.skip()
    const { status, stdout } = python('-m', 'mypy', '--cache-dir', join(folder, 'mypy'))
    expect(status, stdout).to.equal(0)
  })

  it('keeps control variates as a keeper`s own trainer does, by numpy_scaffold.py: the same weights over three rounds', async function () {
    if (!pythonHas('numpy')) return this.skip()
    const random = new SeededRandom(8)
    const labels = Uint16Array.from({ length: 60 }, (_, i) => i % 2)
    const inputs = Float32Array.from({ length: 240 }, (_, i) => random.normal() + labels[i >> 2]!)
    const spec = modelSpec('logistic', { inputShape: [4], classes: 2 })
    const data = createDataset({ name: 'clouds', origin: 'memory', inputShape: [4], classes: 2, inputs, labels })
    const home = join(folder, 'scaffold')
    mkdirSync(home)
    const localRate = 0.4
    const program = new ExternalTrainer(
      spec,
      {
        command: [PYTHON, join(PACKAGE, 'examples/numpy_scaffold.py')],
        limits: { seconds: 60, network: 'allowed', processes: 'own' },
        environment: { PYTHONPATH: join(PACKAGE, 'src'), PYTHONDONTWRITEBYTECODE: '1', LOCAL_RATE: String(localRate) },
        folder: home,
      },
      join(folder, 'scaffold-rounds'),
    )
    // One batch: the order of samples makes no difference.
    const training = { epochs: 5, batchSize: 60, optimizer: { kind: 'sgd' as const, learningRate: 9 }, seed: 3 }
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(data)
    let weights: Float32Array = initialWeights(spec, 2)
    let own: Float32Array | null = null
    for (const round of [1, 2, 3]) {
      const server = Float32Array.from(weights, () => 0.05 * random.normal())
      const control: Control = { localRate, server, own }
      const { training: held, correction } = controlled(training, data.count, control)
      trainer.setWeights(weights)
      trainer.setParameters(held)
      const builtIn = (await trainer.train({ correction })).weights
      const norm = 0.9 * normOf(builtIn.map((value, i) => value - weights[i]!))
      const clip = round === 2 ? { norm, entry: null } : null
      const asked: ExternalRound = { round, epoch: 1, clip, privacy: null, manifest: null, training, state: [server] }
      // The second time as after a crash.
      for (const time of round === 3 ? [1, 2] : [1]) {
        const { weights: found } = await program.train(weights, data, asked)
        const gap = Math.max(...found.map((value, i) => Math.abs(value - builtIn[i]!)))
        expect(gap, `round ${round}, time ${time}`).to.be.below(1e-5)
      }
      const update = builtIn.map((value, i) => (value - weights[i]!) * (round === 2 ? 0.9 : 1))
      own = nextControl(control, update)
      weights = builtIn
    }
    trainer.teardown()
  })

  const examples: readonly (readonly [name: string, needs: string, rate: number, model: 'mlp' | 'logistic'])[] = [
    ['numpy_mlp.py', 'numpy', 0.1, 'mlp'],
    ['flower_client.py', 'numpy', 0.3, 'logistic'],
    ['sklearn_mlp.py', 'sklearn', 0.2, 'mlp'],
  ]
  for (const [example, needs, learningRate, model] of examples) {
    it(`trains a keeper's model by ${example}`, async function () {
      if (!pythonHas(needs)) return this.skip()
      const random = new SeededRandom(5)
      const labels = Uint16Array.from({ length: 200 }, (_, i) => i % 2)
      const inputs = Float32Array.from(
        { length: 800 },
        (_, i) => random.normal() + 2 * (labels[i >> 2]! - 0.5) * ((i % 4) - 1.5),
      )
      const spec = modelSpec(model, { inputShape: [4], classes: 2 })
      const data = createDataset({ name: 'clouds', origin: 'memory', inputShape: [4], classes: 2, inputs, labels })
      const command = [PYTHON, join(PACKAGE, 'examples', example)]
      const environment = { PYTHONPATH: join(PACKAGE, 'src'), PYTHONDONTWRITEBYTECODE: '1' }
      const limits = { seconds: 60, network: 'allowed' as const, processes: 'own' as const }
      const program = new ExternalTrainer(
        spec,
        { command, limits, environment, folder: PACKAGE },
        join(folder, 'rounds'),
      )
      const round: ExternalRound = {
        ...{ round: 1, epoch: 1, clip: null, privacy: null, manifest: null },
        training: { epochs: 20, batchSize: 20, optimizer: { kind: 'sgd', learningRate }, seed: 3 },
      }
      const { weights, samples } = await program.train(initialWeights(spec, 2), data, round)
      expect(samples).to.equal(200)
      const judge = await LocalTrainer.create({ spec })
      judge.setWeights(weights)
      expect((await judge.evaluate(data)).accuracy).to.be.above(0.95)
      judge.teardown()
    })
  }
})
