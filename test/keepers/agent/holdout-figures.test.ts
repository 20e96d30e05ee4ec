// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper's metrics show of a candidate: figures of a real evaluation on its own hold-out, for each kind of task.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseConfig } from '../../../keepers/agent/index.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { Trainer } from '../../../keepers/agent/training/trainer.ts'
import { chooseArchitecture, draftService, readSample, type TableOptions } from '../../../keepers/services/index.ts'

const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')

describe('metrics of a hold-out', function () {
  this.timeout(60_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-figures-'))
    const spread = (i: number, prime: number) => ((i * prime) % 200) / 100 - 1
    const rows = Array.from({ length: 200 }, (_, i) => [spread(i, 37), spread(i, 73), spread(i, 151)] as const)
    const write = (name: string, label: (x: number, y: number, z: number) => string | number) =>
      writeFileSync(
        join(folder, name),
        `x,y,z,label\n${rows.map(([x, y, z]) => `${x},${y},${z},${label(x, y, z)}`).join('\n')}\n`,
      )
    write('classes.csv', (x, y, z) => (x + y + 0.4 * z > 0 ? 'sick' : 'well'))
    write('labels.csv', (x, y) => [...(x > 0 ? ['hot'] : []), ...(y > 0.5 ? ['loud'] : [])].join('|'))
    write('amounts.csv', (x, y, z) => (100 + 20 * x - 10 * y + 2 * z).toFixed(3))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const cases: [file: string, options: TableOptions, figures: string[], classes: string[]][] = [
    ['classes', {}, ['loss', 'accuracy', 'f1', 'auc'], ['sick', 'well']],
    ['labels', { task: 'labels' }, ['loss', 'accuracy', 'f1'], ['hot', 'loud']],
    ['amounts', { unit: 'points' }, ['loss', 'r2', 'mae', 'rmse'], []],
  ]
  for (const [name, options, figures, classes] of cases) {
    it(`of ${name} have ${figures.join(', ')}${classes.length > 0 ? ', and recall, precision and f1 of each' : ''}`, async () => {
      const file = join(folder, `${name}.csv`)
      const sample = await readSample(file, options)
      const spec = await chooseArchitecture(undefined, sample)
      const { manifest } = await draftService({ name, spec, sample, rounds: 2, keepers: 4, decryptionsPerEpoch: 4 })
      const config = parseConfig(example.replace('source: digits ', `source: csv\n  path: ${file} `), folder, manifest)
      const trainer = await Trainer.start(config)
      try {
        const { initialWeights, heldOut } = trainer.shard
        const training = { ...config.training, epochs: 20, learningRate: 0.02 }
        const { weights } = await trainer.train(initialWeights, { round: 1, epoch: 1 }, training)
        const score = await trainer.evaluate(weights)
        const metrics = new KeeperMetrics({ process: false })
        metrics.setHoldOut(score)
        const text = await metrics.registry.metrics()
        const shown = (metric: string) =>
          [...text.matchAll(new RegExp(`^${metric}\\{(.*)\\} (.*)$`, 'gm'))].map(([, labels, value]) => [labels, value])
        expect(shown('cohort_holdout_figure')).to.deep.equal(
          figures.map((figure) => [`name="${figure}"`, String(figure === 'loss' ? score.loss : score.figures[figure])]),
        )
        expect(new Set(shown('cohort_holdout_class_figure').map(([labels]) => labels))).to.deep.equal(
          new Set(classes.flatMap((of) => ['recall', 'precision', 'f1'].map((one) => `class="${of}",name="${one}"`))),
        )
        // Each of them is of this hold-out, and learned.
        expect(score.figures.f1 ?? score.figures.r2).to.be.within(0.8, 1)
        const samples = (score.classes ?? []).map((one) => one.samples)
        if (name === 'classes') expect(samples[0]! + samples[1]!).to.equal(heldOut)
        if (name === 'labels') expect(score).not.to.have.property('confusion')
        // In the amount's own unit, whose deviation is about 13.
        if (name === 'amounts') expect(score.figures.rmse).to.be.within(0.1, 6)
      } finally {
        await trainer.stop()
      }
    })
  }
})
