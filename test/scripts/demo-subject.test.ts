// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { initKeeper } from '../../keepers/agent/index.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { clip } from '../../keepers/versions/clip.ts'
import { encodeManifest, openManifest, provableModel, startOf } from '../../keepers/versions/index.ts'
import { argMax, encodeInput, interpret } from '../../keepers/zkml/index.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import type { Subject } from '../../scripts/demo/rows.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'

const KEEPERS = 4
const CELLS = 'examples/breast-cancer/cells.csv'
const ONNX = 'examples/scikit-learn/cells.onnx'
const TRAINED = readFileSync(ONNX)

describe('the demo`s example of cells', function () {
  this.timeout(120_000)
  let folder: string
  let subject: Subject
  const trainers: Trainer[] = []
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-subject-'))
    subject = await subjectOf(parseOptions(['--example', 'cancer'])!, folder, () => undefined)
  })
  after(async () => {
    await Promise.all(trainers.map((trainer) => trainer.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  it('is learned by keepers with its files and settings, and gives the diagnosis through its circuit', async () => {
    for (let index = 0; index < KEEPERS; index++) {
      const { config } = await initKeeper({
        folder: join(folder, `keeper-${index}`),
        passphrase: 'p',
        scryptLog2N: 10,
        manifest: subject.manifest,
        values: { ...subject.values(index, KEEPERS), 'data.reportTest': true },
      })
      trainers.push(await Trainer.start(config))
    }
    const { clipBound, clipNorm } = subject.manifest.rounds
    const training = {
      decay: 1,
      batchSize: 32,
      optimizer: 'adam' as const,
      proximalMu: 0,
      seed: 1,
      workers: 1,
      source: 'own' as const,
    }
    const { 'training.epochs': epochs, 'training.learningRate': learningRate } = subject.values(0, KEEPERS)
    let weights = trainers[0]!.shard.initialWeights
    for (let round = 1; round <= 5; round++) {
      const sum = new Float64Array(weights.length)
      for (const trainer of trainers) {
        const settings = { ...training, epochs: Number(epochs), learningRate: Number(learningRate) }
        const outcome = await trainer.train(weights.slice(), { round, epoch: 1 }, settings)
        const { update } = clip(outcome.weights, weights, clipBound, clipNorm)
        for (let i = 0; i < sum.length; i++) sum[i]! += update[i]! / KEEPERS
      }
      weights = weights.map((weight, i) => weight + sum[i]!)
    }
    const { testAccuracy } = await trainers[0]!.evaluate(weights)
    expect(testAccuracy).to.be.at.least(0.93)
    const { program, clipped } = provableModel(await openManifest(subject.manifest), weights)
    expect(clipped).to.equal(0)
    const { input, label } = await subject.asked()
    expect(argMax(interpret(program, encodeInput(program, input)).scores)).to.equal(label)
  })

  it('goes on from the file that a manifest of one`s own names, and from no other', async () => {
    const { manifest: plain } = subject
    const model = { ...plain.model, weights: await startOf(TRAINED) }
    const file = join(folder, 'own.json')
    writeFileSync(file, encodeManifest({ ...plain, model }))
    const own = (...more: string[]) =>
      subjectOf(parseOptions(['--manifest', file, '--data', CELLS, ...more])!, folder, () => undefined)
    const refusal = (...more: string[]) =>
      own(...more).then(
        () => expect.fail('was not refused'),
        (error: Error) => error.message,
      )
    expect(await refusal()).to.match(
      /own\.json starts from bafk\w+: --weights says where that file is; .*weights\.onnx/,
    )
    expect((await own('--weights', ONNX)).start).to.deep.equal(TRAINED)
    writeFileSync(join(folder, 'weights.onnx'), TRAINED)
    expect((await own()).start).to.deep.equal(TRAINED)
    expect(await refusal('--weights', CELLS)).to.match(/the file of weights is bafk\w+, the manifest names bafk\w+/)
    writeFileSync(file, encodeManifest(plain))
    expect(await refusal('--weights', ONNX)).to.match(/names no first weights: leave it out/)
    expect((await own()).start).to.equal(undefined)
    expect(() => parseOptions(['--weights', ONNX])).to.throw(/--weights .*: --manifest names the service/)
  })

  it('is digits unless told', async () => {
    const { manifest, values } = await subjectOf(parseOptions(['--model', 'mlp'])!, folder, () => undefined)
    expect(manifest.name).to.equal('mlp')
    expect(values(1, 4)).to.deep.include({
      'data.shard': { kind: 'dirichlet', alpha: 0.5, parts: 4, index: 1, seed: 1 },
    })
  })
})
