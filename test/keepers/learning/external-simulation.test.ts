// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { isolation } from '../../../keepers/learning/external/isolation.ts'
import { modelSpec, proceduralDigits, type SimulationSettings, simulate } from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

const LIMITS = { seconds: 30, network: 'allowed' as const }
const TRAINING = { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd' as const, learningRate: 0.1 } }

describe('learning: a federation that a program trains', function () {
  this.timeout(60_000)
  const data = proceduralDigits({ seed: 3, train: 60, test: 40 })
  const spec = modelSpec('logistic')
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-federation-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const settings = (script: string, more: Partial<SimulationSettings> = {}): SimulationSettings => ({
    ...{ keepers: 3, rounds: 1, training: TRAINING, trainer: { command: ['sh', '-c', script], limits: LIMITS } },
    ...more,
  })
  const scratch = () => readdirSync(tmpdir()).filter((name) => name.startsWith('cohort-simulate-'))
  const KEEP =
    'cp "$COHORT_TRAINING/weights.safetensors" "$COHORT_TRAINING/trained.safetensors"; echo "{}" > "$COHORT_TRAINING/metrics.json"'

  for (const workers of [0, 2]) {
    it(`goes on without the member whose program fails (${workers} threads)`, async () => {
      const before = scratch()
      const script = `mkdir '${folder}/first-${workers}' 2> /dev/null && exit 3; ${KEEP}`
      const result = await simulate({ spec, data, settings: settings(script), workers })
      expect(result.records.map(({ members, dropped }) => [members, dropped])).to.deep.equal([[2, 1]])
      expect(scratch()).to.deep.equal(before)
    })
  }

  it('says what is wrong when every member`s program fails', () =>
    refuses(
      () => simulate({ spec, data, settings: settings('exit 3'), workers: 0 }),
      'TRAINER_FAILED',
      /ended with exit code 3/,
    ))

  it('does not begin with a program that is not there', () =>
    refuses(
      () =>
        simulate({ spec, data, settings: { ...settings(''), trainer: { command: ['./none'] } }, workers: 2, folder }),
      'NO_TRAINER',
      /command: \.\/none is not an executable file/,
    ))

  it('ends its programs and clears up when it is interrupted', async () => {
    const before = scratch()
    const mark = join(folder, 'beat')
    const controller = new AbortController()
    const running = simulate({
      ...{ spec, data, workers: 2, signal: controller.signal },
      settings: settings(`while :; do echo x >> '${mark}'; sleep 0.05; done`),
    }).catch((error: Error) => error.message)
    while (!existsSync(mark)) await pause(20)
    controller.abort(new Error('interrupted'))
    expect(await running).to.equal('interrupted')
    const size = readFileSync(mark).length
    await pause(300)
    expect(readFileSync(mark).length).to.equal(size)
    expect(scratch()).to.deep.equal(before)
  })

  it('does not outlive a process that is killed', async function () {
    const words = ['setpriv', '--version'] as const
    if (spawnSync(words[0], words.slice(1)).status !== 0) return this.skip()
    if (isolation({ network: 'allowed', processes: 'own' }) === null) return this.skip()
    const script = join(folder, 'run.mjs')
    const room = new URL('../../../keepers/learning/external/process.ts', import.meta.url)
    for (const processes of ['shared', 'own']) {
      const mark = join(folder, `orphan-${processes}`)
      writeFileSync(
        script,
        `import { runLimited } from ${JSON.stringify(room.href)}
       const command = ['sh', '-c', ${JSON.stringify(`while :; do echo x >> '${mark}'; sleep 0.05; done`)}]
       await runLimited({ command, folder: '.', environment: {}, limits: { seconds: 20, network: 'allowed', processes: '${processes}' } })`,
      )
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], { stdio: 'inherit' })
      while (!existsSync(mark)) await pause(20)
      const gone = new Promise((done) => child.once('exit', done))
      child.kill('SIGKILL')
      await gone
      await pause(100)
      const size = readFileSync(mark).length
      await pause(300)
      expect(readFileSync(mark).length, processes).to.equal(size)
    }
  })
})
