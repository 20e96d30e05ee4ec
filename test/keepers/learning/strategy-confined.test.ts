// SPDX-License-Identifier: GPL-3.0-or-later
// Strategies that take all memory, or all time, of whoever runs them.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { isolation } from '../../../keepers/learning/external/isolation.ts'
import { ConfinedStrategy, LearningError, StrategyModule, strategyHash } from '../../../keepers/learning/index.ts'
import { answerOf, confinement, type StrategyRequest } from '../../../keepers/learning/strategy/confined.ts'

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

/** What code could do that got out of its context, where it runs with the rights of the process: each thing, and how it went. */
const ESCAPED = (folder: string, port: number, victim: number) => `
  const done = {}
  const attempt = async (name, what) => {
    try { await what(); done[name] = 'done' } catch (error) { done[name] = error.code ?? error.message }
  }
  const load = (name) => process.getBuiltinModule(name)
  const main = async () => {
    await attempt('reads', () => load('node:fs').readFileSync(${JSON.stringify(join(folder, 'keystore.json'))}))
    await attempt('lists', () => load('node:fs').readdirSync(${JSON.stringify(folder)}))
    await attempt('writes', () => load('node:fs').writeFileSync(${JSON.stringify(join(folder, 'new'))}, ''))
    await attempt('starts', () => load('node:child_process').execFileSync('/bin/sh', ['-c', 'exit 0']))
    await attempt('addon', () => process.dlopen({ exports: {} }, ${JSON.stringify(join(folder, 'keystore.json'))}))
    await attempt('thread', () => new Promise((resolve, reject) => {
      const read = "process.getBuiltinModule('node:fs').readFileSync(" + JSON.stringify(${JSON.stringify(join(folder, 'keystore.json'))}) + ')'
      new (load('node:worker_threads').Worker)(read, { eval: true }).once('error', reject).once('exit', resolve)
    }))
    await attempt('connects', () => new Promise((resolve, reject) => {
      const socket = load('node:net').connect(${port}, '127.0.0.1', () => { socket.destroy(); resolve() }).once('error', reject)
    }))
    await attempt('signals', () => process.kill(${victim}, 'SIGKILL'))
    done.passphrase = process.env.COHORT_PASSPHRASE ?? 'unknown'
    console.log(JSON.stringify(done))
  }
  main()`

async function breakOut(execPath: string, execArgv: readonly string[], env: NodeJS.ProcessEnv): Promise<object> {
  // Another process of the user.
  const victim = spawn('sleep', ['60'], { stdio: 'ignore' })
  const folder = mkdtempSync(join(tmpdir(), 'cohort-escape-'))
  writeFileSync(join(folder, 'keystore.json'), '{}')
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  try {
    await new Promise((listening) => server.once('listening', listening))
    const code = ESCAPED(folder, (server.address() as AddressInfo).port, victim.pid!)
    const child = spawn(execPath, [...execArgv, '-e', code], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await new Promise((closed) => child.once('close', closed))
    await new Promise((later) => setTimeout(later, 100))
    const outcome = JSON.parse(said)
    expect(victim.signalCode).to.equal(outcome.signals === 'done' ? 'SIGKILL' : null)
    return outcome
  } finally {
    victim.kill()
    server.close()
    rmSync(folder, { recursive: true })
  }
}

describe('what gets out of a strategy`s context', function () {
  this.timeout(120_000)

  it('finds a process without rights to files, programs, addons and the network', async () => {
    const { execPath, execArgv } = confinement(192)
    const denied = 'ERR_ACCESS_DENIED'
    const { addon, connects, signals, ...rest } = (await breakOut(execPath, execArgv, {})) as Record<string, string>
    expect(rest).to.deep.equal({
      ...{ reads: denied, lists: denied, writes: denied, starts: denied, thread: denied, passphrase: 'unknown' },
    })
    expect(addon).to.match(/DISABLED|DENIED/)
    // Node's permissions leave it the network. Where the kernel gives no namespace for it, nothing takes it away.
    const apart = isolation({ network: 'none', processes: 'shared' }) !== null
    expect(connects).to.equal(apart ? 'ENETUNREACH' : 'done')
    // So it is with signals: in its own namespace there is nobody to be sent one.
    const both = isolation({ network: 'none', processes: 'own' }) !== null
    const alone = both || (!apart && isolation({ network: 'allowed', processes: 'own' }) !== null)
    expect(signals).to.equal(alone ? 'ESRCH' : 'done')
  })

  it('would have the rights of the keeper`s user without that', async () => {
    const all = (await breakOut(process.execPath, [], { COHORT_PASSPHRASE: 'secret' })) as Record<string, string>
    const { addon, ...rest } = all
    expect(Object.values(rest)).to.deep.equal([...Array(7).fill('done'), 'secret'])
    // It is no addon, which was found when it was loaded.
    expect(addon).to.equal('ERR_DLOPEN_FAILED')
  })
})

/** Has what got out run in place of the process's own code, and say what it likes to the keeper. */
async function saidBy(code: string, task: StrategyRequest['task'] = { kind: 'open' }): Promise<unknown> {
  const request = {
    ...{ source: bytesOf(''), terms: termsOf(''), parameters: PARAMETERS, where: 'hostile', task },
    mebibytes: 192,
  }
  return await answerOf(request, LIMITS, ['-e', `const { writeSync } = require('node:fs'); ${code}`])
}

describe('what gets out of a strategy`s context and answers in its place', function () {
  this.timeout(120_000)
  const say = (line: unknown) => `writeSync(3, ${JSON.stringify(`${JSON.stringify(line)}\n`)})`
  const facts = { kind: 'facts', vectors: 0, home: [], localRate: null, weighs: false }
  const weigh = { kind: 'weight', args: [7, 0.5, 100] } as const

  for (const [what, code, why, task] of [
    ['nothing', 'writeSync(3, Buffer.alloc(9))', /its answer has no end/],
    ['null', say(null), /none of a strategy/],
    ['vectors that would take all memory', say({ ...facts, vectors: 1e9 }), /none of a strategy/],
    ['parameters that there are not', say({ ...facts, home: ['__proto__'] }), /no parameter of the model/],
    ['a rate that is no number', say({ ...facts, localRate: '1' }), /none of a strategy/],
    ['an error of another room', say({ kind: 'error', code: 'DIVERGED', message: '' }), /none of a strategy/],
    ['the weight of more than anybody', say({ kind: 'weight', weight: 101 }), /to another question/, weigh],
    ['facts for a weight', say(facts), /to another question/, weigh],
    ['a state that is too short', say({ kind: 'state', vectors: 1 }), /not the size/],
    [
      'without end',
      'const all = Buffer.alloc(65536); for (;;) writeSync(3, all)',
      /it answers with more than \d+ bytes/,
    ],
  ] as const) {
    it(`is refused when it says ${what}`, async () => {
      const { code: fault, message } = await refusal(() => saidBy(code, task as StrategyRequest['task'] | undefined))
      expect(fault).to.equal('BAD_STRATEGY')
      expect(message).to.match(why)
    })
  }

  it('is refused a state whose values are not finite', async () => {
    const task = { kind: 'step', args: [{ weights: new Float32Array(4), vectors: [] }, new Float64Array(4), ROUND] }
    const code = `${say({ kind: 'state', vectors: 0 })}; writeSync(3, new Float32Array(4).fill(NaN))`
    expect((await refusal(() => saidBy(code, task as never))).message).to.match(/a value that is not finite/)
  })

  it('has no channel of Node`s, over which a message would end the keeper', async () => {
    expect((await refusal(() => saidBy("process.send({ cmd: 'NODE_HANDLE_ACK' })"))).message).to.match(/ended with 1/)
    const keeper = `require('node:child_process').fork('-', { execArgv: ['-e', "process.send({ cmd: 'NODE_HANDLE_ACK' })"] })`
    const { status, stderr } = spawnSync(process.execPath, ['-e', keeper], { encoding: 'utf8' })
    expect(status).not.to.equal(0)
    expect(stderr).to.match(/ERR_INTERNAL_ASSERTION/)
  })
})

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
    const childrenOf = (pid: number | string): string[] =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
        .split(' ')
        .filter((child) => child !== '')
    // A service manager tells all processes to end; the outermost ones may be others' wrappers.
    const innermost = (pid: number | string): string | undefined => {
      const [child] = childrenOf(pid)
      return child === undefined ? String(pid) : innermost(child)
    }
    const worker = (): string | undefined => {
      const pid = innermost(process.pid)!
      const [program, ...words] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      return program === process.execPath && words.some((word) => word.includes('confined.worker')) ? pid : undefined
    }
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
