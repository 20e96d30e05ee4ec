// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort learning` and `cohort simulate` as their users run them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { loadModel, proceduralDigits } from '../../../keepers/learning/index.ts'
import { encodeManifest, exampleManifest } from '../../../keepers/versions/index.ts'
import { commandIn } from '../../commands/command-line.ts'
import { writeIdxPair } from './idx-writer.ts'

const MAIN = join(import.meta.dirname, '../../../keepers/cli/main.ts')

type Outcome = { code: number | null; stdout: string; stderr: string }

const OFFLINE = { COHORT_OFFLINE: '1' }

const cohort = (args: readonly string[]): Promise<Outcome> => commandIn(OFFLINE, ...args)

/** Runs the command in a process of its own; `during` may interfere, and is told about the process at once. */
function disturbed(args: readonly string[], during: (child: ReturnType<typeof spawn>) => unknown): Promise<Outcome> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...OFFLINE } })
  const outcome: Outcome = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    outcome.stdout += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    outcome.stderr += chunk
  })
  during(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...outcome, code }))
  })
}

describe('learning: command line', function () {
  this.timeout(60_000)
  let directory: string
  let data: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cohort-cli-'))
    data = join(directory, 'digits')
    await writeIdxPair(data, proceduralDigits({ seed: 2, train: 1500, test: 300 }))
  })
  after(() => rm(directory, { recursive: true }))

  it('simulates, writes its files, refuses to overwrite, and resumes', async () => {
    const out = join(directory, 'sim')
    const options = ['simulate', '--data', data, '--model', 'logistic', '--keepers', '4', '--out', out, '--json']
    const first = await cohort([...options, '--rounds', '2'])
    expect(first.code, first.stderr).to.equal(0)
    expect(JSON.parse(first.stdout).rounds).to.have.length(2)
    expect(JSON.parse(first.stdout).histograms).to.have.length(4)
    expect(first.stderr).to.match(/^data: .*1500 \+ 300/)
    expect((await readdir(out)).sort()).to.deep.equal([
      ...['chart.svg', 'events.out.tfevents.cohort', 'model', 'result.json', 'rounds.csv', 'state.bin'],
    ])
    const again = await cohort([...options, '--rounds', '3'])
    expect(again.code).to.equal(64)
    expect(again.stderr).to.contain('add --resume')
    const resumed = await cohort([...options, '--rounds', '3', '--resume'])
    expect(JSON.parse(resumed.stdout).rounds.slice(0, 2)).to.deep.equal(JSON.parse(first.stdout).rounds)
    expect((await readFile(join(out, 'rounds.csv'), 'utf8')).split('\n')).to.have.length(5)
    const other = await cohort([...options, '--rounds', '3', '--resume', '--lr', '0.2'])
    expect(other.code).to.equal(65)
    expect(other.stderr).to.contain('cannot resume: the saved simulation had other settings')
  })

  it('names the mistake and exits accordingly', async () => {
    const missing = await cohort(['simulate', '--data', join(directory, 'nowhere')])
    expect(missing.code).to.equal(66)
    expect(missing.stderr).to.match(/cohort: cannot read the data directory .*nowhere/)
    expect((await cohort(['simulate', '--rounds', '-1'])).stderr).to.contain('expected a whole number of at least 1')
    const model = await cohort(['simulate', '--data', data, '--model', 'resnet'])
    expect(model.code).to.equal(65)
    expect(model.stderr).to.contain(
      'resnet is neither one of article-cnn, small-cnn, mlp, logistic nor a model directory',
    )
    const manifest = join(directory, 'manifest.json')
    await writeFile(manifest, '{}')
    const unlike = await cohort(['simulate', '--data', data, '--model', manifest])
    expect(unlike.code).to.equal(65)
    expect(unlike.stderr).to.match(/manifest\.json: format: /)
    const groups = await cohort(['simulate', '--data', data, '--model', 'logistic', '--layer-groups', '2'])
    expect(groups.code).to.equal(64)
    expect(groups.stderr).to.match(/1 layer with parameters: leave them out/)
    const noise = await cohort(['simulate', '--data', data, '--dp-noise', '1'])
    expect(noise.code).to.equal(64)
    expect(noise.stderr).to.contain('--dp-noise needs --dp-clip')
  })

  it('simulates the architecture of a service`s manifest', async () => {
    const file = join(directory, 'service.json')
    const manifest = exampleManifest('logistic')
    await writeFile(file, encodeManifest(manifest))
    const short = ['--keepers', '2', '--rounds', '1', '--workers', '0', '--json']
    const named = await cohort(['simulate', '--data', data, '--model', 'logistic', ...short])
    const described = await cohort(['simulate', '--data', data, '--model', file, ...short])
    expect(described.code, described.stderr).to.equal(0)
    expect(JSON.parse(described.stdout).accuracy).to.equal(JSON.parse(named.stdout).accuracy)
  })

  it('shares batches among threads, and gives the same model for the same seed and number of them', async () => {
    const trained = async (name: string, workers: string) => {
      const out = join(directory, name)
      const args = ['learning', 'train', '--data', data, '--model', 'mlp', '--epochs', '1', '--out', out]
      const { code, stderr } = await cohort([...args, '--workers', workers])
      expect(code, stderr).to.equal(0)
      return await readFile(join(out, 'weights.bin'))
    }
    const first = await trained('shared', '2')
    expect((await trained('shared-again', '2')).equals(first)).to.equal(true)
    expect((await trained('alone', '1')).equals(first)).to.equal(false)
    const { code, stderr } = await cohort(['learning', 'train', '--data', data, '--out', 'x', '--workers', '65'])
    expect([code, stderr]).to.satisfy(([status, text]: [number, string]) => status === 64 && /from 1 to 64/.test(text))
  })

  it('trains centrally and saves a model that evaluates to the same accuracy', async () => {
    const out = join(directory, 'model')
    const args = ['learning', 'train', '--data', data, '--model', 'logistic', '--epochs', '3', '--out', out, '--json']
    const trained = await cohort(args)
    expect(trained.code, trained.stderr).to.equal(0)
    expect((await readdir(out)).sort()).to.deep.equal(['model.json', 'weights.bin'])
    const evaluated = await cohort(['learning', 'evaluate', out, '--data', data, '--json'])
    expect(JSON.parse(evaluated.stdout).accuracy).to.equal(JSON.parse(trained.stdout).accuracy)
    expect(JSON.parse(trained.stdout).accuracy).to.be.above(0.6)
  })

  describe('a training that is ended', () => {
    const args = (out: string) => ['learning', 'train', '--data', data, '--epochs', '40', '--batch', '8', '--out', out]
    let unbroken: Float32Array
    before(async () => {
      const out = join(directory, 'unbroken')
      expect((await cohort(args(out))).code).to.equal(0)
      unbroken = (await loadModel(out)).weights
    })

    /** Ends it by `signal` as soon as its first epoch is kept, with dozens to go: no clock decides what the test sees. */
    async function endedBy(signal: NodeJS.Signals, out: string): Promise<Outcome> {
      return disturbed(args(out), async (child) => {
        while (child.exitCode === null && !existsSync(join(out, 'training.checkpoint'))) await setTimeout(5)
        child.kill(signal)
      })
    }

    it('by Ctrl-C says so, leaves no model, and resumes to the same bits as an unbroken run', async () => {
      const out = join(directory, 'interrupted')
      const stopped = await endedBy('SIGINT', out)
      expect(stopped.code, stopped.stderr).to.equal(130)
      expect(stopped.stderr).to.contain('--resume')
      expect(await readdir(out)).to.deep.equal(['training.checkpoint'])
      const again = await cohort(args(out))
      expect([again.code, again.stderr.split('\n').at(-2)]).to.deep.equal([
        64,
        `cohort: ${out} holds an interrupted training; add --resume, choose another --out, or delete ${out}/training.checkpoint`,
      ])
      const resumed = await cohort([...args(out), '--resume'])
      expect(resumed.code, resumed.stderr).to.equal(0)
      expect((await loadModel(out)).weights).to.deep.equal(unbroken)
      expect((await readdir(out)).sort()).to.deep.equal(['model.json', 'weights.bin'])
    })

    it('by kill -9 resumes from its last whole epoch to the same bits', async () => {
      const out = join(directory, 'killed')
      expect((await endedBy('SIGKILL', out)).code).to.equal(null)
      expect(await readdir(out))
        .to.include('training.checkpoint')
        .and.not.include('model.json')
      // Its seed is the first run's: from another one, a training from the start would end in other bits.
      const resumed = await cohort([...args(out), '--resume', '--seed', '99'])
      expect(resumed.code, resumed.stderr).to.equal(0)
      expect((await loadModel(out)).weights).to.deep.equal(unbroken)
    })
  })

  it('writes samples and single inputs for the proving side', async () => {
    const out = join(directory, 'samples.json')
    const many = await cohort(['learning', 'samples', '--data', data, '--count', '7', '--out', out, '--json'])
    expect(many.code, many.stderr).to.equal(0)
    const { inputs, labels } = JSON.parse(await readFile(out, 'utf8'))
    expect([inputs.length, inputs[0].length, labels.length]).to.deep.equal([7, 784, 7])
    expect(Math.max(...inputs[0])).to.be.within(0.5, 1)
    const one = await cohort(['learning', 'samples', '--data', data, '--set', 'test', '--index', '4', '--out', out])
    expect(one.stdout, one.stderr).to.match(/samples\.json: label \d\n$/)
    expect(JSON.parse(await readFile(out, 'utf8'))).to.have.length(784)
    const beyond = await cohort([
      'learning',
      'samples',
      '--data',
      data,
      '--set',
      'test',
      '--index',
      '300',
      '--out',
      out,
    ])
    expect([beyond.code, beyond.stderr.split('\n').at(-2)]).to.deep.equal([
      64,
      `cohort: --index is 300; ${data} has 300 samples`,
    ])
  })
})
