// SPDX-License-Identifier: GPL-3.0-or-later
// Results of strategy modules that would hang the keeper, or run in it, when they are read.
import { constants, createContext, Script } from 'node:vm'
import { expect } from 'chai'
import { callModule, type Reading } from '../../../keepers/learning/strategy/sandbox.ts'
import { refuses } from './refusal.ts'
import { made, mean, parameterCount, ROUND, start } from './strategy-modules.ts'

describe('learning: strategies whose results do things when they are read', () => {
  const MILLISECONDS = 300
  const HANG = 'for (;;);'
  /** A call with little time. */
  const called = (reading: Reading, body: string) =>
    callModule({
      ...{ where: 'mine.cjs', name: 'step', args: {}, reading, most: 2, milliseconds: MILLISECONDS },
      source: `module.exports = { step() { ${body} } }`,
    })
  const results: readonly (readonly [what: string, reading: Reading, body: string])[] = [
    ['a getter', 'state', `return { get weights() { ${HANG} } }`],
    ['a proxy', 'state', `return new Proxy({}, { get() { ${HANG} } })`],
    ['a list of vectors', 'state', `return { vectors: new Proxy([], { get() { ${HANG} } }) }`],
    ['a length', 'names', `return { get length() { ${HANG} } }`],
    ['an element', 'names', `return { length: 1, get 0() { ${HANG} } }`],
    ['an error', 'plain', `throw { get message() { ${HANG} } }`],
    ['an error`s proxy', 'plain', `throw new Proxy(new Error(), { get() { ${HANG} }, getPrototypeOf() { ${HANG} } })`],
  ]
  for (const [what, reading, body] of results) {
    it(`is out of time, not the keeper: ${what}`, async () => {
      await refuses(() => called(reading, body), 'BAD_STRATEGY', /mine\.cjs: step: .*timed out after 300ms/)
    })
  }

  it('the attack: read by the keeper itself, it runs on, out of its time', () => {
    const context = createContext(constants.DONT_CONTEXTIFY)
    const late = `({ get weights() { const end = Date.now() + ${2 * MILLISECONDS}; while (Date.now() < end); return 1 } })`
    const result = new Script(late).runInContext(context, { timeout: MILLISECONDS }) as { weights: number }
    const started = performance.now()
    expect(result.weights).to.equal(1)
    expect(performance.now() - started).to.be.above(MILLISECONDS)
  })

  it('is no list without end, nor a number or a name by way of an object', async () => {
    expect(called('names', 'return { length: 1e9 }')).to.have.property('length', -1)
    expect(called('names', `return { *[Symbol.iterator]() { ${HANG} } }`)).to.have.property('length', -1)
    expect(called('plain', `return { valueOf() { ${HANG} }, toString() { ${HANG} } }`)).to.equal('object')
    expect(called('names', `return [{ toString() { ${HANG} } }]`)).to.deep.include({ length: 1, 0: 'object' })
    await refuses(() => made('module.exports = { step() {}, home: () => 5 }'), 'BAD_STRATEGY', /home: takes a list/)
    await refuses(
      () => made('module.exports = { step() {}, weight: () => ({}) }').weight(1, 1, 1),
      'BAD_STRATEGY',
      /weight: object is not a weight/,
    )
  })

  it('is thrown where no function of the module catches it', async () => {
    const out = `throw new Proxy(new Error('x'), { get() { ${HANG} }, getPrototypeOf() { ${HANG} } })`
    await refuses(() => made(out), 'BAD_STRATEGY', /it threw no error/)
    const accessor = `throw Object.defineProperty(new Error('x'), 'message', { get() { ${HANG} } })`
    await refuses(() => made(accessor), 'BAD_STRATEGY', /it threw no error/)
  })

  it('does not end the function that the file is put into, to be called in the reader`s place', async () => {
    const own = `({ known: true, get value() { let n = 0; for (let i = 0; i < 5e7; i++) n += i; return n } })`
    const closing = `})(module, module.exports); const prepared = () => ${own}; (function (module, exports) {`
    await refuses(() => made(closing), 'BAD_STRATEGY', /mine\.cjs: step: Unexpected token '}'/)
    const given = { where: 'mine.cjs', name: 'step', args: {}, reading: 'plain' as const, milliseconds: MILLISECONDS }
    const body = `const prepared = () => ${own}; module.exports = { step() { return 8 } }`
    expect(callModule({ ...given, source: body })).to.equal(8)
    const global = `Object.defineProperty(globalThis, 'prepared', { value: () => ${own} })`
    await refuses(() => callModule({ ...given, source: global }), 'BAD_STRATEGY', /Cannot redefine property: prepared/)
    // The attack, where the file is text between braces and the reader is found by its name afterwards.
    const context = createContext(constants.DONT_CONTEXTIFY)
    new Script(`const module = {}; (function (module, exports) {${closing}})(module, {})`).runInContext(context)
    Object.defineProperty(context, 'prepared', { value: () => ({ known: true, value: 8 }) })
    expect(new Script('prepared().value').runInContext(context)).to.be.above(8)
  })

  it('does not change how it is read, whatever it has replaced', () => {
    const module_ = made(`
      Reflect.apply = () => { throw new Error('mine') }
      Object.create = () => ({ get weights() { throw new Error('mine') } })
      Object.defineProperty(Array.prototype, 0, { set() { throw new Error('mine') } })
      Object.defineProperty(Object.prototype, 'weights', { set() { throw new Error('mine') } })
      const typed = Object.getPrototypeOf(Float32Array.prototype)
      typed.set = () => { throw new Error('mine') }
      Object.defineProperty(typed, 'length', { get() { return 1 } })
      module.exports = { vectors: () => 1, step({ weights, vectors }) { return { weights, vectors } } }`)
    const state = start()
    const { weights, vectors } = module_.step(state, mean, ROUND)
    expect(weights).to.deep.equal(state.weights)
    expect(vectors).to.deep.equal([new Float32Array(parameterCount)])
  })
})
