// SPDX-License-Identifier: GPL-3.0-or-later
// Experiment files: what they say, what they may not, and what comes of them on disk.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readExperiment } from '../../../keepers/cli/experiment.ts'
import { runExperiment } from '../../../keepers/cli/simulate-experiment.ts'
import {
  liveSettings,
  parseSimulationConfig,
  proceduralDigits,
  type RoundRecord,
  roundsEvents,
} from '../../../keepers/learning/index.ts'
import { simulationConfigSchema } from '../../../keepers/learning/simulate/config.ts'
import { crc32c } from '../../../keepers/learning/simulate/events.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { writeIdxPair } from '../learning/idx-writer.ts'
import { PYTHON, pythonHas } from '../learning/python.ts'
import { refuses } from '../learning/refusal.ts'

const TRAINING = 'training: { epochs: 1, batchSize: 10, optimizer: { kind: sgd, learningRate: 0.1 } }'
const SMALL = `model: logistic\ndata: digits\nsettings:\n  keepers: 3\n  rounds: 2\n  ${TRAINING}\n`

describe('experiments from a file', function () {
  this.timeout(60_000)
  let folder: string
  const signal = new AbortController().signal
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-experiment-'))
    await writeIdxPair(join(folder, 'digits'), proceduralDigits({ seed: 2, train: 200, test: 60 }))
    copyFileSync(join(ROOT, 'strategies/fedavgm.cjs'), join(folder, 'momentum.cjs'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = (text: string): string => {
    const path = join(folder, 'experiment.yaml')
    writeFileSync(path, text)
    return path
  }

  it('are one run without a sweep, and every combination with one', async () => {
    const one = await readExperiment(file(SMALL))
    expect(one.runs.map(({ label }) => label)).to.deep.equal([''])
    expect([one.model, one.data]).to.deep.equal(['logistic', join(folder, 'digits')])
    const swept = await readExperiment(
      file(`${SMALL}strategy: { file: momentum.cjs, settings: { momentum: 0.5 } }
sweep:
  training.optimizer.learningRate: [0.1, 0.01]
  settings.seed: [1, 2]
  strategy.settings.momentum: [0.3]\n`),
    )
    expect(swept.runs.map(({ label }) => label)).to.deep.equal(
      ['0.1,seed=1', '0.1,seed=2', '0.01,seed=1', '0.01,seed=2'].map(
        (tail) => `training.optimizer.learningRate=${tail},strategy.settings.momentum=0.3`,
      ),
    )
    expect(swept.runs[2]!.config.training.optimizer.learningRate).to.equal(0.01)
    expect(swept.runs[2]!.config.seed).to.equal(1)
    expect(swept.runs[0]!.strategy).to.deep.equal({ file: join(folder, 'momentum.cjs'), settings: { momentum: 0.3 } })
  })

  it('are read as docs/simulate.md shows one', async () => {
    const [, shown] =
      /```yaml\n(name: rates[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/simulate.md'), 'utf8')) ?? []
    copyFileSync(join(ROOT, 'strategies/fedavgm.cjs'), join(folder, 'fedavgm.cjs'))
    const { runs } = await readExperiment(file(shown!))
    expect(runs.length).to.equal(2 * 2 * 3)
    const { config, strategy } = runs.at(-1)!
    expect(config.schedule).to.deep.equal({ kind: 'cosine', least: 0.1 })
    expect(config.patience).to.deep.equal({ rounds: 5, metric: 'loss', least: 0.001 })
    expect([config.empty, config.perClient, config.seed]).to.deep.equal([2, true, 3])
    expect(config.training.optimizer.learningRate).to.equal(0.03)
    expect(strategy).to.deep.equal({ file: join(folder, 'fedavgm.cjs'), settings: { momentum: 0.9 } })
  })

  it('stop by their patience, with a column of it in the table', async () => {
    const out = join(folder, 'patient')
    const path = file(`${SMALL.replace('rounds: 2', 'rounds: 9')}  patience: { rounds: 1, least: 5 }
  empty: 1
  schedule: { kind: step, every: 1, factor: 0.1 }
sweep: { seed: [1, 2] }\n`)
    await quietly(() => runExperiment({ experiment: path, out, workers: 0, stray: [] }, signal))
    const [head, run] = readFileSync(join(out, 'sweep.csv'), 'utf8').trimEnd().split('\n')
    expect(head).to.contain('stopped')
    expect(run).to.match(/^"seed=1",2,patience,/)
  })

  const wrong: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['is no YAML', 'a: [', /experiment\.yaml: /],
    ['has a key that is none', `${SMALL}sweeps: {}\n`, /document: Unrecognized key: "sweeps"/],
    ['has no settings', 'model: mlp\n', /settings: /],
    ['has a setting that is wrong', SMALL.replace('keepers: 3', 'keepers: 0'), /simulation: keepers is 0/],
    ['sweeps a value that is wrong', `${SMALL}sweep: { rounds: [2, 0] }\n`, /run rounds=0: simulation: rounds is 0/],
    ['sweeps what there is not', `${SMALL}sweep: { keepers.x: [2] }\n`, /sweep\.keepers\.x: keepers has no parts/],
    ['sweeps nothing', `${SMALL}sweep: { seed: [] }\n`, /sweep\.seed: /],
    [
      'sweeps for years',
      `${SMALL}sweep: { seed: [${[...Array(40).keys()]}], rounds: [${[...Array(40).keys()]}] }\n`,
      /1600 runs, at most 1000/,
    ],
    ['reaches for prototypes', `${SMALL}sweep: { __proto__.keepers: [2] }\n`, /__proto__/],
  ]
  for (const [what, text, message] of wrong) {
    it(`are refused before a round is played: one that ${what}`, () =>
      refuses(() => readExperiment(file(text)), 'BAD_SIMULATION', message))
  }

  it('play a sweep into folders and a table, with the strategy`s module', async () => {
    const out = join(folder, 'out')
    const path = file(
      `${SMALL}name: momentum\nstrategy: { file: momentum.cjs }\nsweep: { strategy.settings.momentum: [0, 0.9] }\n`,
    )
    const options = { experiment: path, out, workers: 0, stray: [] }
    await quietly(() => runExperiment(options, signal))
    expect(readdirSync(out).sort()).to.deep.equal([
      '001-strategy.settings.momentum=0',
      '002-strategy.settings.momentum=0.9',
      'sweep.csv',
    ])
    const table = readFileSync(join(out, 'sweep.csv'), 'utf8').trimEnd().split('\n')
    expect(table.length).to.equal(3)
    expect(table[1]).to.match(/^"strategy\.settings\.momentum=0",2,rounds,0\.\d+,/)
    const results = [1, 2].map((run) =>
      JSON.parse(readFileSync(join(out, readdirSync(out).sort()[run - 1]!, 'result.json'), 'utf8')),
    )
    expect(results[0].live.manifest.strategy.settings).to.deep.equal({ momentum: 0 })
    expect(results[0].rounds[0].accuracy).to.equal(results[1].rounds[0].accuracy)
    expect(results[0].rounds[1].loss).not.to.equal(results[1].rounds[1].loss)
    await refuses(() => runExperiment(options, signal), 'BAD_PARAMETERS', /holds a simulation \(sweep\.csv\)/)
  })

  it('leave nothing to the command line that the file can say', () =>
    refuses(
      () => runExperiment({ experiment: file(SMALL), stray: ['keepers', 'dpNoise'] }, signal),
      'BAD_PARAMETERS',
      /--keepers, --dp-noise: with --experiment, this belongs in the file/,
    ))

  it('play with a program that trains, which runs where the file is', async () => {
    writeFileSync(
      join(folder, 'train.sh'),
      '#!/bin/sh\nset -e\ncd "$COHORT_TRAINING"\ncp weights.safetensors trained.safetensors\necho "{}" > metrics.json\n',
      { mode: 0o755 },
    )
    const trainer = '  trainer: { command: [./train.sh], limits: { seconds: 20, network: allowed } }\n'
    const out = join(folder, 'program')
    await quietly(() => runExperiment({ experiment: file(SMALL + trainer), out, workers: 0, stray: [] }, signal))
    const { rounds, live } = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'))
    expect(rounds[0].accuracy).to.equal(rounds[1].accuracy)
    expect(live.keeper['training.command']).to.deep.equal(['./train.sh'])
    expect(existsSync(join(out, 'events.out.tfevents.cohort'))).to.equal(true)
  })

  describe('list the settings that a live service would use', () => {
    const config = (more: object) =>
      parseSimulationConfig({
        ...{
          keepers: 10,
          rounds: 1,
          training: { epochs: 2, batchSize: 8, optimizer: { kind: 'adam', learningRate: 0.01 } },
        },
        ...more,
      })

    it('all of it, by the keys of manifest and keeper.yaml', () => {
      const server = { kind: 'fedavg' as const, momentum: 0.9 }
      const live = liveSettings(config({ server, bound: { norm: 3 }, schedule: { kind: 'exponential', factor: 0.9 } }))
      expect(live.manifest).to.deep.equal({ 'rounds.strategy': server, 'rounds.clipNorm': 3 })
      expect(live.keeper).to.deep.equal({
        ...{ 'training.epochs': 2, 'training.batchSize': 8, 'training.optimizer': 'adam' },
        ...{ 'training.learningRate': 0.01, 'training.decay': 0.9 },
      })
      expect(live.without).to.deep.equal([])
      expect(liveSettings(config({})).manifest).to.deep.equal({})
    })

    it('each setting is one of these, one that it lacks, or one of the experiment itself', () => {
      const experiment = ['keepers', 'rounds', 'partition', 'perClient', 'dropOut', 'poison', 'partial', 'seed']
      const told = ['fraction', 'weighting', 'centre', 'empty', 'patience', 'targetAccuracy', 'schedule', 'bound']
      const used = ['training', 'trainer', 'maxSamples', 'server', 'privacy', 'layerGroups', 'seeds']
      expect(Object.keys(simulationConfigSchema.shape).sort()).to.deep.equal([...experiment, ...told, ...used].sort())
      const seeds = [...Array(10).keys()]
      const live = liveSettings(config({ seeds, maxSamples: 500, trainer: { command: ['./train.sh'] } }))
      expect(live.keeper).to.deep.include({ 'training.seed': seeds, 'training.command': ['./train.sh'] })
      expect(live.manifest).to.deep.equal({ 'rounds.maxSamples': 500 })
    })

    it('and those that it lacks', () => {
      const { without, keeper } = liveSettings(
        config({
          ...{ fraction: 0.5, centre: { kind: 'median', groups: 3 }, weighting: 'equal', empty: 1 },
          ...{ schedule: { kind: 'cosine' }, patience: { rounds: 3 }, bound: { norm: 1, check: 'none' } },
          training: {
            epochs: 1,
            batchSize: 8,
            optimizer: { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
            weightDecay: 0.1,
          },
        }),
      )
      const words = [
        'bound.check',
        'schedule',
        'optimizer.momentum',
        'weightDecay',
        'centre',
        'fraction',
        'weighting',
        'patience',
      ]
      expect(keeper['data.source']).to.match(/^none/)
      expect(without.length).to.equal(words.length)
      for (const [i, word] of words.entries()) expect(without[i]).to.contain(word)
    })
  })

  describe('leave TensorBoard event files', () => {
    const records = [1, 2].map(
      (round): RoundRecord => ({
        ...{
          round,
          accuracy: 0.5 * round,
          loss: 1 / round,
          trainLoss: null,
          members: 3,
          dropped: 0,
          poisoned: 0,
          refused: 0,
        },
        ...{
          lost: false,
          idle: 0,
          macroF1: 0.25,
          norm: 0.5,
          recall: [1, null],
          precision: [0.5, 0.75],
          f1: [0.5, null],
        },
        clients: [{ accuracy: 0.1, loss: 2, f1: null }, null],
      }),
    )

    it('framed as TFRecords, by the check value of CRC-32C', () => {
      // RFC 3720, B.4: 32 bytes of zeros; and the usual check word.
      expect(crc32c(new Uint8Array(32))).to.equal(0x8a9136aa)
      expect(crc32c(Buffer.from('123456789'))).to.equal(0xe3069283)
      const bytes = Buffer.from(roundsEvents(records, 1.5, ['well', 'sick']))
      expect(Number(bytes.readBigUInt64LE())).to.equal(24)
      expect(bytes.toString('latin1'))
        .to.contain('brain.Event:2')
        .and.to.contain('client/0/loss')
        .and.to.contain('recall/well')
        .and.not.to.contain('recall/sick')
        .and.not.to.contain('client/0/f1')
    })

    it('that TensorBoard itself reads', function () {
      if (!pythonHas('tensorboard')) return this.skip()
      const place = mkdtempSync(join(folder, 'events-'))
      writeFileSync(join(place, 'events.out.tfevents.cohort'), roundsEvents(records, 1.5, ['well', 'sick']))
      const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
held = EventAccumulator(sys.argv[1])
held.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in held.Scalars(tag)] for tag in held.Tags()["scalars"]}))`
      const { stdout, stderr } = spawnSync(PYTHON, ['-c', script, place], { encoding: 'utf8' })
      expect(stdout, stderr).to.contain('{')
      const read = JSON.parse(stdout.slice(stdout.indexOf('{')))
      expect(read['test/accuracy']).to.deep.equal([
        [1, 0.5],
        [2, 1],
      ])
      expect(read['precision/sick']).to.deep.equal([
        [1, 0.75],
        [2, 0.75],
      ])
      expect(Object.keys(read).sort()).to.deep.equal([
        'client/0/accuracy',
        'client/0/loss',
        'f1/well',
        'precision/sick',
        'precision/well',
        'recall/well',
        'round/dropped',
        'round/members',
        'test/accuracy',
        'test/loss',
        'test/macro_f1',
      ])
    })
  })
})

/** Progress lines are not the subject here. */
async function quietly(body: () => Promise<void>): Promise<void> {
  const { stdout, stderr } = process
  const [write, complain] = [stdout.write, stderr.write]
  stdout.write = () => true
  stderr.write = () => true
  try {
    await body()
  } finally {
    stdout.write = write
    stderr.write = complain
  }
}
