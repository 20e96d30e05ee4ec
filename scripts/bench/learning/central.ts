// SPDX-License-Identifier: GPL-3.0-or-later
// The named models' accuracy when one party holds all the data. Seeds fixed, at most 10 epochs.
import { type DatasetPair, initialWeights, LocalTrainer, modelSpec } from '../../../keepers/learning/index.ts'
import type { BenchContext } from '../harness.ts'

/** Percent that the issue of this room asks for on MNIST; null = no promise. */
const RUNS = [
  { name: 'article-cnn', epochs: 8, learningRate: 0.001, asked: 98.5 },
  { name: 'small-cnn', epochs: 8, learningRate: 0.002, asked: 97.5 },
] as const

export async function centralAccuracy(context: BenchContext, { train, test }: DatasetPair): Promise<void> {
  for (const { name, epochs, learningRate, asked } of RUNS) {
    const spec = modelSpec(name)
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(train)
    trainer.setWeights(initialWeights(spec, 1))
    const passes = context.quick ? 2 : epochs
    trainer.setParameters({ epochs: passes, batchSize: 32, optimizer: { kind: 'adam', learningRate }, seed: 1 })
    const started = performance.now()
    await trainer.train()
    const seconds = (performance.now() - started) / 1000
    const { accuracy } = await trainer.evaluate(test)
    trainer.teardown()
    const what = `${passes} epochs of Adam ${learningRate}, batch 32, ${train.name}`
    context.record({
      metric: `learning.central.${name}.accuracy`,
      value: 100 * accuracy,
      unit: 'percent',
      peer: 'asked for',
      peerValue: asked,
      note: what,
    })
    context.record({ metric: `learning.central.${name}.time`, value: seconds, unit: 's', note: what })
  }
}
