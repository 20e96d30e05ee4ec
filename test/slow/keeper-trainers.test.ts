// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers as processes that train with what they like: a numpy or scikit-learn program, one that is broken at first, the README's
// wrappers of PyTorch or Keras and of a Flower client where these are installed, else our own trainer; what becomes of the mean is a
// module that the manifest names by its hash.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { loadConfig } from '../../keepers/agent/index.ts'
import { strategyHash } from '../../keepers/learning/index.ts'
import { openManifest } from '../../keepers/versions/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { Cluster } from '../../scripts/cluster.ts'
import { keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import { parseOptions } from '../../scripts/demo/options.ts'
import { subjectOf } from '../../scripts/demo/subject.ts'
import { PYTHON, pythonHas } from '../keepers/learning/python.ts'
import { type Framework, NEEDED, writeTrainer } from '../keepers/learning/trainer-snippets.ts'

const ROUNDS = 3
/** What the same service comes to with our own trainer alone (test/slow/keeper-cells.test.ts), less a sample of each hold-out. */
const ACCURACY = 0.8

/** Fails in the first round, and hands the weights back in the others. */
const BROKEN = [
  'grep -q \'"round": 1,\' "$COHORT_TRAINING/settings.json" && { echo "cannot open the database" >&2; exit 3; }',
  'cp "$COHORT_TRAINING/weights.safetensors" "$COHORT_TRAINING/trained.safetensors"',
  'echo "{}" > "$COHORT_TRAINING/metrics.json"',
].join('\n')

const installed = (framework: Framework): boolean => NEEDED[framework].every(pythonHas)
/** By the index of the keeper that trains with it. */
const FRAMEWORKS: readonly (readonly [index: number, framework: Framework | undefined])[] = [
  [2, (['PyTorch', 'Keras'] as const).find(installed)],
  [3, (['A Flower client'] as const).find(installed)],
]

function trainingValues({ command, environment, limits }: ReturnType<typeof writeTrainer>, framework: Framework) {
  return {
    ...{ 'training.command': command, 'training.environment': environment },
    'training.limits': { seconds: limits.seconds, network: limits.network },
    // Flower's client takes plain steps.
    ...(framework === 'A Flower client' ? { 'training.learningRate': 0.05 } : {}),
  }
}

describe('a service whose keepers train with programs of their own', function () {
  this.timeout(900_000)
  let folder: string
  let cluster: Cluster

  before(async function () {
    if (!pythonHas('numpy')) return this.skip()
    folder = mkdtempSync(join(tmpdir(), 'cohort-trainers-'))
    const subject = await subjectOf(parseOptions(['--example', 'cancer'])!, folder, () => undefined)
    const example = pythonHas('sklearn') ? 'sklearn_mlp.py' : 'numpy_mlp.py'
    writeFileSync(join(folder, 'broken.sh'), BROKEN)
    const strategy = join(ROOT, 'strategies/fedavgm.cjs')
    const sha256 = strategyHash(readFileSync(strategy))
    const manifest = { ...subject.manifest, strategy: { sha256, settings: { momentum: 0.3 } } }
    const common = { 'data.shard': { kind: 'all' }, 'data.reportTest': true, 'service.strategy': strategy }
    const programs: Record<number, Readonly<Record<string, unknown>>> = {
      0: {
        'training.command': [PYTHON, join(ROOT, 'trainers/python/examples', example)],
        'training.environment': { PYTHONPATH: join(ROOT, 'trainers/python/src'), PYTHONDONTWRITEBYTECODE: '1' },
        'training.limits': { seconds: 120, network: 'allowed' },
        ...(example === 'numpy_mlp.py' ? { 'training.learningRate': 0.05 } : {}),
      },
      1: { 'training.command': ['sh', join(folder, 'broken.sh')], 'training.limits': { network: 'allowed' } },
    }
    const { parameters } = (await openManifest(manifest)).spec
    const widths = [parameters[0]!.shape[0]!, ...parameters.filter((_, i) => i % 2 === 1).map(({ shape }) => shape[0]!)]
    for (const [index, framework] of FRAMEWORKS) {
      if (framework === undefined) continue
      programs[index] = trainingValues(writeTrainer(join(folder, `framework-${index}`), framework, widths), framework)
    }
    cluster = await Cluster.create({
      keepers: 4,
      manifest,
      windows: { registrationWindow: 30, trainingWindow: 90, aggregateWindow: 90, decryptWindow: 90, voteWindow: 60 },
      values: (index) => ({
        ...common,
        ...subject.values(index, 4),
        ...programs[index],
      }),
    })
    for (const [index, framework] of FRAMEWORKS) {
      if (framework !== 'Keras') continue
      copyFileSync(join(folder, `framework-${index}`, 'model.keras'), join(cluster.nodes[index]!.folder, 'model.keras'))
    }
    for (const node of cluster.nodes) cluster.start(node)
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  it('completes its rounds, and the model is as good as with our own trainer', async () => {
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 700_000)))
    const candidates = cluster.lines.filter(({ event, round }) => event === 'candidate' && round === ROUNDS)
    expect(candidates.length).to.equal(4)
    expect(new Set(candidates.map(({ commitment }) => commitment)).size).to.equal(1)
    const mean = (key: string) => candidates.reduce((sum, line) => sum + Number(line[key]), 0) / candidates.length
    expect(mean('accuracy')).to.be.at.least(ACCURACY)
    expect(mean('testAccuracy')).to.be.at.least(0.9)
    process.stdout.write(
      `      after round ${ROUNDS}: hold-outs ${mean('accuracy').toFixed(4)}, 114 rows that nobody trained on ${mean('testAccuracy').toFixed(4)}\n`,
    )
  })

  it('has the program`s update in every sum, and its figures in the log', async () => {
    const trained = cluster.lines.filter(({ node, event }) => node === cluster.nodes[0]!.name && event === 'trained')
    expect(trained.map(({ round }) => round)).to.include.members([1, 2, 3])
    for (const { samples, loss, norm } of trained) {
      expect(Number(samples)).to.be.within(80, 120)
      expect(Number(loss)).to.be.below(1)
      expect(Number(norm)).to.be.above(0)
    }
    const revealed = (await cluster.events()).filter(({ name }) => name === 'UpdateRevealed')
    expect(revealed.filter(({ args }) => Number(args.round) === 1).length).to.equal(3)
    expect(revealed.filter(({ args }) => Number(args.round) === 2).length).to.equal(4)
  })

  for (const [index, framework] of FRAMEWORKS) {
    const title = framework ?? (index === 2 ? 'PyTorch or Keras' : 'A Flower client')
    it(`has updates of ${title}, by the README's wrapper, in its rounds`, function () {
      if (framework === undefined) return this.skip()
      const name = cluster.nodes[index]!.name
      const trained = cluster.lines.filter(({ node, event }) => node === name && event === 'trained')
      expect(trained.map(({ round }) => round)).to.include.members([1, 2, 3])
      const losses = trained.slice(0, ROUNDS).map(({ loss }) => Number(loss))
      expect(losses.at(-1)).to.be.below(losses[0]!)
      process.stdout.write(`      ${title}: losses ${losses.map((loss) => loss.toFixed(3)).join(', ')}\n`)
    })
  }

  it('goes on without the keeper whose program fails, which says so and is back in the next round', () => {
    const failures = cluster.lines.filter(({ event }) => event === 'trainer failed')
    expect(failures.map(({ node, round }) => [node, round])).to.deep.equal([[cluster.nodes[1]!.name, 1]])
    expect(failures[0]!.reason).to.match(/training\.command `sh .*`: ended with exit code 3: cannot open the database/)
    expect(cluster.lines.filter(({ event }) => event === 'exit')).to.deep.equal([])
  })

  it('is joined by somebody who has its address and an endpoint: manifest and strategy come from the keepers', async () => {
    const target = join(folder, 'newcomer')
    const command = [
      ...[join(ROOT, 'keepers/cli/main.ts'), 'keeper', 'init', '--data', target],
      ...['--service', cluster.service, '--rpc', cluster.url, '--set', 'data.source=none'],
    ]
    await promisify(execFile)(process.execPath, command, { env: { ...process.env, ...keeperEnvironment() } })
    expect(readFileSync(join(target, 'strategy.cjs'))).to.deep.equal(readFileSync(join(ROOT, 'strategies/fedavgm.cjs')))
    const { service } = loadConfig(target)
    expect(service.strategyFile).to.equal(join(target, 'strategy.cjs'))
    expect(service.manifest.strategy!.settings).to.deep.equal({ momentum: 0.3 })
  })

  it('leaves nothing of any round in the keepers` folders', () => {
    for (const node of cluster.nodes.slice(0, 2)) {
      expect(readdirSync(join(node.folder, 'training'))).to.deep.equal([])
    }
  })
})
