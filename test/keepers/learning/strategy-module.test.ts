// SPDX-License-Identifier: GPL-3.0-or-later
// Strategies that are files: the ones that ship, and ones that would have keepers disagree, or reach out of their place.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { initialServerState, StrategyModule, serverStepFrom } from '../../../keepers/learning/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { refuses } from './refusal.ts'
import { made, mean, parameterCount, parameters, ROUND, random, start, step } from './strategy-modules.ts'

const shipped = (name: string, settings: Parameters<typeof made>[1] = {}) =>
  made(readFileSync(join(ROOT, 'strategies', `${name}.cjs`), 'utf8'), settings)

describe('learning: strategies that are files', () => {
  it('FedAvgM is what the built-in strategy of the same name computes, to the bit, over rounds', () => {
    const module_ = shipped('fedavgm', { momentum: 0.9, learningRate: 0.5 })
    let mine = module_.step(start(), mean, ROUND)
    const settings = { kind: 'fedavg' as const, momentum: 0.9, learningRate: 0.5 }
    let theirs = {
      weights: mine.weights,
      state: { ...initialServerState(settings, parameterCount), m: mine.vectors[0]! },
    }
    for (let i = 0; i < 3; i++) {
      mine = module_.step(mine, mean, ROUND)
      theirs = serverStepFrom(settings, theirs.weights, mean, theirs.state)
      expect(mine.weights).to.deep.equal(theirs.weights)
      expect(mine.vectors).to.deep.equal([theirs.state.m])
    }
  })

  it('SCAFFOLD`s server keeps the mean of the members` control variates, which it never sees', () => {
    // Members by the paper's option II on quadratic losses with different minima; two of four take part in each round.
    const [members, steps, rate] = [4, 5, 0.1]
    const module_ = shipped('scaffold', { localRate: steps * rate })
    const minima = Array.from({ length: members }, () =>
      Float64Array.from({ length: parameterCount }, () => random.normal()),
    )
    const own = minima.map(() => new Float64Array(parameterCount))
    let state: { weights: Float32Array; vectors: readonly Float32Array[] } = { ...start(), vectors: module_.initial() }
    for (let round = 1; round <= 12; round++) {
      const present = [round % 4, (round + 1) % 4]
      const c = state.vectors[0]!
      const changes = present.map((k) => {
        const y = Float64Array.from(state.weights)
        for (let s = 0; s < steps; s++) {
          for (let i = 0; i < parameterCount; i++) y[i]! -= rate * (y[i]! - minima[k]![i]! - own[k]![i]! + c[i]!)
        }
        const change = y.map((value, i) => value - state.weights[i]!)
        own[k] = own[k]!.map((value, i) => value - c[i]! - change[i]! / (steps * rate))
        return change
      })
      const update = changes[0]!.map((value, i) => (value + changes[1]![i]!) / 2)
      state = module_.step(state, update, { round, contributors: 2, members })
    }
    for (let i = 0; i < parameterCount; i++) {
      const average = own.reduce((sum, vector) => sum + vector[i]!, 0) / members
      expect(state.vectors[0]![i]).to.be.closeTo(average, 1e-4)
    }
    expect(module_.weight(50, 2, 900)).to.equal(900)
  })

  it('q-FedAvg weighs by the loss, and is FedAvg with q = 0', () => {
    expect([0, 1, 2].map((q) => shipped('q-fedavg', { q, most: 4 }).weight(10, 2, 1000))).to.deep.equal([
      1000, 500, 250,
    ])
    expect(shipped('q-fedavg', { q: 2, most: 4 }).weight(10, 100, 1000)).to.equal(1000)
    const state = start()
    expect(shipped('q-fedavg').step(state, mean, ROUND).weights).to.deep.equal(
      state.weights.map((value, i) => value + mean[i]!),
    )
  })

  it('personal layers stay where they are, whatever noise the mean has for them', () => {
    const [first, ...others] = parameters
    const module_ = shipped('personal-layers', { home: [first!.name] })
    expect(module_.home).to.deep.equal([first!.name])
    const state = start()
    const { weights } = module_.step(state, mean, ROUND)
    const { offset, length } = first!
    expect(weights.subarray(offset, offset + length)).to.deep.equal(state.weights.subarray(offset, offset + length))
    for (const { offset: at } of others) expect(weights[at]).not.to.equal(state.weights[at])
  })

  it('refuses settings that make no sense, in the module`s own words', async () => {
    const wrong: [string, Parameters<typeof made>[1], RegExp][] = [
      ['fedavgm', { momentum: 1 }, /mine\.cjs: check: settings\.momentum: 1, takes 0 to below 1/],
      ['scaffold', {}, /settings\.localRate: undefined/],
      ['q-fedavg', { q: 0.5 }, /settings\.q: 0\.5, takes a whole number/],
      ['personal-layers', { home: ['nobody/kernel'] }, /no parameter is called nobody\/kernel; they are \S+/],
      ['personal-layers', { home: parameters.map(({ name }) => name) }, /nothing is left to be averaged/],
    ]
    for (const [name, settings, message] of wrong) await refuses(() => shipped(name, settings), 'BAD_STRATEGY', message)
  })

  it('refuses a file whose hash is not what members agreed on', () =>
    refuses(
      () =>
        new StrategyModule(
          Buffer.from('module.exports = {}'),
          { sha256: 'ab'.repeat(32), settings: {} },
          parameters,
          'x.cjs',
        ),
      'BAD_STRATEGY',
      /x\.cjs: it hashes to [0-9a-f]{64}, members agreed on abab/,
    ))

  it('gives two keepers the same bits, one of which has run it before and in another thread', async () => {
    const source = `let calls = 0
      module.exports = { vectors: () => 1, step({ weights, mean, vectors: [v] }) {
        calls += 1
        for (let i = 0; i < weights.length; i++) { v[i] = Math.sqrt(Math.abs(mean[i])) / 3 + v[i]; weights[i] += calls * v[i] }
        return { weights, vectors: [v] } } }`
    const state = start()
    const veteran = made(source)
    for (let i = 0; i < 3; i++) veteran.step(state, mean, ROUND)
    const mine = veteran.step(state, mean, ROUND)
    const room = new URL('../../../keepers/learning/index.ts', import.meta.url).href
    const worker = new Worker(
      `import { StrategyModule, strategyHash } from ${JSON.stringify(room)}
       import { parentPort, workerData } from 'node:worker_threads'
       const bytes = new TextEncoder().encode(workerData.source)
       const made = new StrategyModule(bytes, { sha256: strategyHash(bytes), settings: {} }, workerData.parameters, 'x')
       parentPort.postMessage(made.step(workerData.state, workerData.mean, workerData.round))`,
      { eval: true, workerData: { source, parameters, state, mean, round: ROUND } },
    )
    const theirs = await new Promise((done, fail) => worker.once('message', done).once('error', fail))
    expect(theirs).to.deep.equal(mine)
    // Without a realm for each call the same module remembers: the next call comes to something else.
    const module_ = { exports: {} as { step: (input: unknown) => { weights: Float32Array } } }
    new Function('module', source)(module_)
    const open = () =>
      module_.exports.step({ weights: state.weights.slice(), mean, vectors: [new Float32Array(parameterCount)] })
    expect(open().weights).not.to.deep.equal(open().weights)
  })

  const absent = [
    'Date',
    'Intl',
    'WebAssembly',
    'process',
    'require',
    'setTimeout',
    'performance',
    'SharedArrayBuffer',
    'console',
    'fetch',
    'Promise',
    'AsyncDisposableStack',
    'Iterator',
    'Temporal',
    'eval',
  ]
  it(`has no ${absent.join(', ')}`, () => {
    const names = JSON.stringify(absent)
    const module_ = made(`module.exports = { step() {}, check() {
      const there = ${names}.filter((name) => name in globalThis)
      for (const name of ['random', 'exp', 'sin', 'pow', 'cbrt', 'hypot']) if (name in Math) there.push('Math.' + name)
      if ('localeCompare' in Object('') || 'toLocaleString' in Object(1)) there.push('locale')
      if (there.length > 0) throw new Error(there.join())
    } }`)
    expect(module_.vectors).to.equal(0)
  })

  const escapes: readonly (readonly [what: string, body: string])[] = [
    ['the constructor of its input', `return input.constructor.constructor('return process')().exit(9)`],
    ['the constructor of a vector', `return mean.constructor.constructor('return process')().exit(9)`],
    ['the global object', `return globalThis.constructor.constructor('return process')().exit(9)`],
    ['eval', `return (0, eval)('process').exit(9)`],
  ]
  for (const [what, body] of escapes) {
    it(`does not reach the keeper by ${what}`, async () => {
      await refuses(() => step(body).step(start(), mean, ROUND), 'BAD_STRATEGY', /mine\.cjs: step: /)
      await new Promise((done) => setTimeout(done, 20))
    })
  }

  it('is handed copies: what it does to them does not show', () => {
    const state = start()
    const before = state.weights.slice()
    step('weights.fill(7); mean.fill(7); return { weights }').step(state, mean, ROUND)
    expect(state.weights).to.deep.equal(before)
  })

  const results: readonly (readonly [what: string, body: string, message: RegExp])[] = [
    ['nothing', '', /step: weights is not a Float32Array/],
    ['a list', 'return { weights: [...weights] }', /not a Float32Array/],
    ['doubles', 'return { weights: mean }', /not a Float32Array/],
    ['too few values', 'return { weights: weights.slice(1) }', /has \d+ values, expected \d+/],
    ['NaN', 'weights[2] = NaN; return { weights }', /step: weights, value 2 is NaN/],
    ['an error', 'throw new Error("no such layer")', /mine\.cjs: step: no such layer/],
    ['a string thrown', 'throw "x"', /step: it threw no error/],
  ]
  for (const [what, body, message] of results) {
    it(`refuses a step that gives ${what}`, () =>
      refuses(() => step(body).step(start(), mean, ROUND), 'BAD_STRATEGY', message))
  }

  it('refuses modules that are none', async () => {
    await refuses(() => made('module.exports = {}'), 'BAD_STRATEGY', /exports no function step/)
    await refuses(() => made('module.exports = {'), 'BAD_STRATEGY', /mine\.cjs: probe: Unexpected token|mine\.cjs/)
    await refuses(
      () => made('module.exports = { step() {}, vectors: () => 3 }'),
      'BAD_STRATEGY',
      /vectors: 0 to 2, not 3/,
    )
    await refuses(
      () => made('module.exports = { step() {}, home: () => ["x"] }'),
      'BAD_STRATEGY',
      /home: x is not a parameter/,
    )
    await refuses(() => made('module.exports = { step: (x) => x ** 2 }'), 'BAD_STRATEGY', /uses \*\*, whose last bit/)
    const late = ['import("node:process"); return 1', 'return (async () => 1)()']
    for (const body of late) await refuses(() => step(body), 'BAD_STRATEGY', /it says async, await or import/)
    expect(made('/** A step. */\n  /** Another.\n */\nmodule.exports = { step() {} }').vectors).to.equal(0)
  })

  // What is no comment, though it looks like one, and what a comment would hide there.
  const covers = [
    'const a = "//"; HERE',
    "const a = '/*'; HERE; const b = '*/'",
    'const a = `//`; HERE',
    'const a = /[/*]/; HERE; /* */',
  ]
  for (const cover of [...covers, 'const a = 1\n/**/HERE']) {
    it(`sees what hides in ${JSON.stringify(cover)}`, async () => {
      const body = (hidden: string) => cover.replace('HERE', hidden)
      await refuses(() => step(body('2 ** 0.5')), 'BAD_STRATEGY', /uses \*\*/)
      await refuses(() => step(body(' 2\n**/x/')), 'BAD_STRATEGY', /uses \*\*/)
      // The refusal of an import is an error of the keeper's own realm: that one's constructor reaches all that the keeper has.
      const way = `import('node:fs').then(null, (e) => e.constructor.constructor('globalThis.reached = 1')())`
      await refuses(() => step(body(way)), 'BAD_STRATEGY', /async, await or import/)
    })
  }

  it('has nothing that is done later, without a word of it', () => {
    const module_ = made(`module.exports = { step() {}, check() {
      if ('fromAsync' in Array) throw new Error('fromAsync') } }`)
    expect(module_.vectors).to.equal(0)
  })
})
