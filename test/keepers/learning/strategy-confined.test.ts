// SPDX-License-Identifier: GPL-3.0-or-later
// Strategies that take all memory, or all time, of whoever runs them.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { ConfinedStrategy, LearningError, StrategyModule, strategyHash } from '../../../keepers/learning/index.ts'

const PARAMETERS = [{ name: 'all', shape: [4], offset: 0, length: 4 }]
const LIMITS = { milliseconds: 20_000, mebibytes: 192 }
const ROUND = { round: 1, contributors: 3, members: 4 }

const bytesOf = (source: string) => Buffer.from(source)
const termsOf = (source: string) => ({ sha256: strategyHash(bytesOf(source)), settings: {} })

async function open(source: string, limits: Partial<typeof LIMITS> = {}): Promise<ConfinedStrategy> {
  return ConfinedStrategy.open(bytesOf(source), termsOf(source), PARAMETERS, 'hostile', { ...LIMITS, ...limits })
}

const plain = (step: string) => `module.exports = {
  vectors: () => 1,
  weight: ({ samples }) => samples * 2,
  step({ weights, mean, vectors }) { ${step}; return { weights: weights.map((w, i) => w + mean[i]), vectors } },
}`

const stepOf = (strategy: Pick<ConfinedStrategy, 'step'>) =>
  strategy.step({ weights: Float32Array.of(1, 2, 3, 4), vectors: [] }, Float64Array.of(1, 1, 1, 1), ROUND)

async function refusal(body: () => Promise<unknown>): Promise<LearningError> {
  try {
    await body()
  } catch (error) {
    if (error instanceof LearningError) return error
    throw error
  }
  throw new Error('expected a LearningError')
}

describe('a strategy in a process of its own', function () {
  this.timeout(120_000)

  it('does what it does in the keeper`s own', async () => {
    const source = plain('')
    const apart = await open(source)
    const here = new StrategyModule(bytesOf(source), termsOf(source), PARAMETERS, 'here')
    const { vectors, home, localRate, weighs, terms } = apart
    expect({ vectors, home, localRate, weighs, terms }).to.deep.equal({
      ...{ vectors: here.vectors, home: here.home, localRate: here.localRate, weighs: here.weighs, terms: here.terms },
    })
    expect(apart.initial()).to.deep.equal(here.initial())
    expect(await stepOf(apart)).to.deep.equal(
      here.step({ weights: Float32Array.of(1, 2, 3, 4), vectors: [] }, Float64Array.of(1, 1, 1, 1), ROUND),
    )
    expect(await apart.weight(7, 0.5, 100)).to.equal(14)
  })

  it('refuses what it refuses there, with the same words', async () => {
    const error = await refusal(async () => stepOf(await open(plain('throw new Error("not today")'))))
    expect(error).to.include({ code: 'BAD_STRATEGY', message: 'hostile: step: not today' })
    expect((await refusal(() => open('module.exports = {}'))).message).to.match(/it exports no function step/)
  })

  // Objects are V8's heap; numbers in arrays are outside of it, where no limit of V8's holds.
  for (const [what, grow] of [
    ['objects', 'const all = []; for (;;) all.push({ at: all.length })'],
    ['arrays of numbers', 'const all = []; for (;;) all.push(new Float64Array(1e6).fill(1))'],
    ['one array', 'const all = new Float64Array(3e8).fill(1)'],
  ] as const)
    it(`that takes all memory for ${what} ends alone`, async () => {
      const strategy = await open(plain(grow))
      expect((await refusal(async () => stepOf(strategy))).message).to.equal(
        'hostile: step: it takes more than 192 MiB of memory',
      )
    })

  it('that somebody else ends is not said to be bad', async () => {
    const strategy = await open(plain('for (;;) {}'))
    const result = stepOf(strategy).catch((error: Error) => error)
    const commandOf = (pid: string): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1')
    const worker = (): string | undefined =>
      readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'latin1')
        .split(' ')
        .find((pid) => pid !== '' && commandOf(pid).includes('confined.worker'))
    while (worker() === undefined) await new Promise((done) => setTimeout(done, 20))
    process.kill(Number(worker()), 'SIGTERM')
    const error = await result
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(LearningError)
    expect(error).to.have.property('message', 'hostile: step: its process was ended by somebody else (SIGTERM)')
  })

  it('that never returns ends alone, and the keeper goes on meanwhile', async () => {
    const strategy = await open(plain('for (;;);'), { milliseconds: 3_000 })
    let turns = 0
    const timer = setInterval(() => turns++, 20)
    const { message } = await refusal(async () => stepOf(strategy))
    clearInterval(timer)
    expect(message).to.match(/hostile: step: it has not returned after 3 s/)
    expect(turns).to.be.above(20)
  })

  it('run without one, ends the process that runs it: what all this is for', () => {
    const source = plain('const all = []; for (;;) all.push({ at: all.length })')
    const program = `
      import { StrategyModule, strategyHash } from '${new URL('../../../keepers/learning/strategy/module.ts', import.meta.url)}'
      const source = Buffer.from(${JSON.stringify(source)})
      const terms = { sha256: strategyHash(source), settings: {} }
      const module_ = new StrategyModule(source, terms, ${JSON.stringify(PARAMETERS)}, 'here')
      try {
        module_.step({ weights: new Float32Array(4), vectors: [] }, new Float64Array(4), ${JSON.stringify(ROUND)})
      } catch { console.log('survived') }`
    const flags = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=64', '--input-type=module-typescript']
    const ended = spawnSync(process.execPath, [...flags, '--eval', program], { encoding: 'utf8' })
    expect(ended.stdout).not.to.contain('survived')
    expect(ended.status).not.to.equal(0)
    expect(ended.stderr).to.match(/out of memory/)
  })
})
