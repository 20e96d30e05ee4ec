// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a strategy's module with the bare language, less everything that differs from machine to machine or from run to run: clock,
// chance, locale, and the functions of Math that IEEE 754 does not define to the last bit.
import { isNativeError } from 'node:util/types'
import { compileFunction, constants, createContext, Script } from 'node:vm'
import { LearningError } from '../errors.ts'

/** Math's exact functions (ECMAScript defines each to the last bit), and its constants. */
const EXACT = [
  'abs',
  'ceil',
  'clz32',
  'floor',
  'fround',
  'imul',
  'max',
  'min',
  'round',
  'sign',
  'sqrt',
  'trunc',
  'PI',
  'E',
]
/**
 * The only globals that remain, so that globals of later engines are absent, too. Missing are clocks, randomness, other realms, and
 * everything that returns a promise, because an unhandled rejection ends the process.
 */
const KEPT = [
  ...[
    'globalThis',
    'undefined',
    'NaN',
    'Infinity',
    'isNaN',
    'isFinite',
    'parseFloat',
    'parseInt',
    'JSON',
    'Math',
    'Reflect',
    'Proxy',
  ],
  ...[
    'Object',
    'Function',
    'Array',
    'Boolean',
    'Number',
    'BigInt',
    'String',
    'Symbol',
    'RegExp',
    'Map',
    'Set',
    'WeakMap',
    'WeakSet',
  ],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
  ...[
    'ArrayBuffer',
    'DataView',
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
  ],
  ...['Uint32Array', 'BigInt64Array', 'BigUint64Array', 'Float32Array', 'Float64Array'],
]
const LOCAL = ['toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase', 'localeCompare', 'normalize']

/**
 * Evaluated before the module, in its realm. Its return value is the only way in, and `prepared` the only way out: it calls a function of
 * the module and copies what that returns or throws, all in one script, so that a getter, a `toString` or an iterator of the module's runs
 * within the time limit too, and the keeper touches nothing but plain values. It uses only functions that it saved before the module ran.
 */
const PRELUDE = `
(() => {
  'use strict'
  const exact = Object.create(null)
  for (const name of ${JSON.stringify(EXACT)}) exact[name] = Math[name]
  Object.defineProperty(globalThis, 'Math', { value: Object.freeze(exact), writable: false, configurable: false })
  const kept = new Set(${JSON.stringify(KEPT)})
  for (const name of Reflect.ownKeys(globalThis)) {
    if (kept.has(name) || Reflect.deleteProperty(globalThis, name)) continue
    // Of a process with --expose-gc: gc cannot be deleted.
    Object.defineProperty(globalThis, name, { value: undefined, writable: false })
  }
  for (const { prototype } of [Object, Array, String, Number, BigInt]) {
    for (const name of ${JSON.stringify(LOCAL)}) delete prototype[name]
  }
  delete Array.fromAsync
  for (const name of ['Int8Array', 'Uint8Array', 'Float32Array']) delete Object.getPrototypeOf(globalThis[name].prototype).toLocaleString
  Object.defineProperty(Error, 'stackTraceLimit', { value: 0, writable: false, configurable: false })
  const held = { exports: {} }
  globalThis.module = held
  const { parse } = JSON
  const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect
  const [Single, Double, bare] = [Float32Array, Float64Array, Object.create]
  const typed = getPrototypeOf(Single.prototype)
  const kindOf = getOwnPropertyDescriptor(typed, Symbol.toStringTag).get
  const lengthOf = getOwnPropertyDescriptor(typed, 'length').get
  const { set } = typed
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'
  const said = (value) => (isObject(value) || typeof value === 'symbol' ? typeof value : '' + value)
  const copied = (value) => {
    if (!isObject(value) || apply(kindOf, value, []) !== 'Float32Array') return null
    const copy = new Single(apply(lengthOf, value, []))
    apply(set, copy, [value])
    return copy
  }
  const readers = {
    __proto__: null,
    plain: (value) => (isObject(value) || typeof value === 'symbol' ? said(value) : value),
    state: (value, most) => {
      const state = bare(null)
      if (!isObject(value)) return state
      state.weights = copied(value.weights)
      const vectors = most > 0 ? value.vectors : null
      for (let i = 0; i < most; i++) state[i] = isObject(vectors) ? copied(vectors[i]) : null
      return state
    },
    names: (value, most) => {
      const names = bare(null)
      const length = isObject(value) ? value.length : undefined
      names.length = typeof length === 'number' && length <= most ? length : -1
      for (let i = 0; i < names.length; i++) names[i] = said(value[i])
      return names
    },
  }
  const prepared = (name, input, kind, most) => () => {
    const out = bare(null)
    try {
      const called = held.exports[name]
      out.known = typeof called === 'function'
      if (out.known && kind !== 'known') out.value = readers[kind](apply(called, held.exports, [input]), most)
    } catch (error) {
      out.error = ''
      const message = isObject(error) ? error.message : undefined
      if (typeof message === 'string') out.error = message
    }
    return out
  }
  return {
    __proto__: null,
    parse: (text) => parse(text),
    single: (length) => new Single(length),
    double: (length) => new Double(length),
    prepared,
  }
})()`

/** Time limit of a call: a guard against endless loops, not a measure of speed. */
const CALL_MS = 600_000

/** An argument: plain data by value, or vectors. */
export type Argument =
  | { readonly json: unknown }
  | { readonly single: Float32Array }
  | { readonly double: Float64Array }
  | { readonly singles: readonly Float32Array[] }

/** How to read a call's result: as a plain value; as whether there is such a function; as a state's vectors; as a list of names. */
export type Reading = 'plain' | 'known' | 'state' | 'names'

/** A copy of a module's result: plain values and the realm's vectors, in objects that have neither getters nor prototypes. */
export type Copied = {
  readonly plain: unknown
  readonly known: true
  readonly state: { readonly weights?: Float32Array | null; readonly [i: number]: Float32Array | null }
  /** Length −1 for anything but a list, and for a list that is too long. */
  readonly names: { readonly length: number; readonly [i: number]: string }
}

type ModuleCall<R extends Reading> = {
  readonly source: string
  /** Names the module in errors. */
  readonly where: string
  /** The function that is called. */
  readonly name: string
  readonly args: Readonly<Record<string, Argument>>
  readonly reading: R
  /** Most names, or vectors besides the weights. */
  readonly most?: number
  readonly milliseconds?: number
}

/**
 * Calls one function of a module in a realm made for this call: nothing that a call leaves behind is there in the next.
 * @returns the result; null when the module has no such function
 * @throws LearningError BAD_STRATEGY with the module's own message
 */
export function callModule<R extends Reading>(call: ModuleCall<R>): Copied[R] | null {
  const { source, where, name, args, reading, most = 0, milliseconds = CALL_MS } = call
  const fail = (why: string): never => {
    throw new LearningError('BAD_STRATEGY', `${where}: ${name}: ${why.split('\n')[0]!.slice(0, 300)}`)
  }
  const context = createContext(constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    // Whatever a module puts off runs within its call and its time, or never.
    microtaskMode: 'afterEvaluate',
  })
  // Without `displayErrors`, Node would look at a thrown error's stack, out of the time limit: a proxy may never answer.
  const options = { timeout: milliseconds, displayErrors: false }
  let out: Outcome
  try {
    const into = new Script(PRELUDE).runInContext(context) as Inside
    // Before the module can have put a setter of its own where an argument goes.
    const input = into.parse('{}') as Record<string, unknown>
    for (const [key, argument] of Object.entries(args)) input[key] = passed(into, argument)
    // Not text put between braces: a module that closes them would declare a `prepared` of its own, and the keeper would call that.
    const body = compileFunction(`'use strict';${source}`, ['module', 'exports'], {
      filename: where,
      parsingContext: context,
    })
    for (const [what, value] of Object.entries({ body, prepared: into.prepared(name, input, reading, most) })) {
      Object.defineProperty(context, what, { value })
    }
    new Script('body(module, module.exports)').runInContext(context, options)
    out = new Script('prepared()').runInContext(context, options) as Outcome
  } catch (error) {
    return fail(messageOf(error))
  }
  if (out.error !== undefined) return fail(out.error === '' ? NO_ERROR : out.error)
  if (!out.known) return null
  return (reading === 'known' ? true : out.value) as Copied[R]
}

const NO_ERROR = 'it threw no error'

/** For an error that the module may have made: calls none of its functions and runs none of its getters. */
function messageOf(error: unknown): string {
  const message: unknown = isNativeError(error) ? Object.getOwnPropertyDescriptor(error, 'message')?.value : undefined
  return typeof message === 'string' ? message : NO_ERROR
}

type Outcome = { readonly known?: boolean; readonly value?: unknown; readonly error?: string }

type Inside = {
  parse(text: string): unknown
  single(length: number): Float32Array
  double(length: number): Float64Array
  prepared(name: string, input: unknown, reading: Reading, most: number): () => Outcome
}

/** The argument as the module's realm has it: nothing of ours is in its reach. */
function passed(into: Inside, argument: Argument): unknown {
  if ('json' in argument) return into.parse(JSON.stringify(argument.json))
  if ('single' in argument) return filled(into.single(argument.single.length), argument.single)
  if ('double' in argument) return filled(into.double(argument.double.length), argument.double)
  const list = into.parse('[]') as unknown[]
  for (const [i, vector] of argument.singles.entries()) list[i] = filled(into.single(vector.length), vector)
  return list
}

/** By our own realm's function: the module may have replaced its own. */
function filled<A extends Float32Array | Float64Array>(target: A, values: A): A {
  const { set } = values instanceof Float32Array ? Float32Array.prototype : Float64Array.prototype
  set.call(target as never, values as never)
  return target
}

/** A vector that a module returned, finite and of that length, as our own realm has it. @throws by `fail` */
export function readVector(
  value: Float32Array | null | undefined,
  what: string,
  length: number,
  fail: (why: string) => never,
): Float32Array<ArrayBuffer> {
  if (value === null || value === undefined) return fail(`${what} is not a Float32Array`)
  const copy = new Float32Array(value)
  if (copy.length !== length) return fail(`${what} has ${copy.length} values, expected ${length}`)
  const bad = copy.findIndex((entry) => !Number.isFinite(entry))
  return bad >= 0 ? fail(`${what}, value ${bad} is ${copy[bad]}`) : copy
}
