// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a strategy's module with the bare language, less everything that differs from machine to machine or from run to run: clock,
// chance, locale, and the functions of Math that IEEE 754 does not define to the last bit.
import { isFloat32Array } from 'node:util/types'
import { constants, createContext, Script } from 'node:vm'
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
 * All that is left of the globals, so that what a later engine brings is not there: clocks, chance, other realms, and whatever gives a promise,
 * which ends the process when nobody hears that it failed.
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

/** Evaluated before the module, in its realm. Its return value is the only way in. */
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
  globalThis.module = { exports: {} }
  const { parse } = JSON
  const [Single, Double] = [Float32Array, Float64Array]
  return { parse: (text) => parse(text), single: (length) => new Single(length), double: (length) => new Double(length) }
})()`

/** Time limit of a call: a guard against endless loops, not a measure of speed. */
const CALL_MS = 600_000

/** An argument: plain data by value, or vectors. */
export type Argument =
  | { readonly json: unknown }
  | { readonly single: Float32Array }
  | { readonly double: Float64Array }
  | { readonly singles: readonly Float32Array[] }

/**
 * Calls one function of a module in a realm made for this call: nothing that a call leaves behind is there in the next.
 * @returns what `read` makes of the result; null when the module has no such function
 * @throws LearningError BAD_STRATEGY with the module's own message
 */
export function callModule<T>(
  source: string,
  where: string,
  name: string,
  args: Readonly<Record<string, Argument>>,
  read: (result: unknown, fail: (why: string) => never) => T,
): T | null {
  const fail = (why: string): never => {
    throw new LearningError('BAD_STRATEGY', `${where}: ${why}`)
  }
  const context = createContext(constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    // Whatever a module puts off runs within its call and its time, or never.
    microtaskMode: 'afterEvaluate',
  })
  const options = { timeout: CALL_MS }
  try {
    const into = new Script(PRELUDE).runInContext(context) as Inside
    new Script(`(function (module, exports) { 'use strict';${source}\n})(module, module.exports)`, {
      filename: where,
    }).runInContext(context, options)
    const input = into.parse('{}') as Record<string, unknown>
    for (const [key, argument] of Object.entries(args)) input[key] = passed(into, argument)
    Object.defineProperty(context, 'input', { value: input })
    const known = new Script(`typeof module.exports.${name} === 'function'`).runInContext(context, options)
    if (known !== true) return null
    const result: unknown = new Script(`module.exports.${name}(input)`).runInContext(context, options)
    return read(result, fail)
  } catch (error) {
    if (error instanceof LearningError) throw error
    const message = (error as { message?: unknown } | null)?.message
    return fail(`${name}: ${typeof message === 'string' ? message.split('\n')[0]!.slice(0, 300) : 'it threw no error'}`)
  }
}

type Inside = {
  parse(text: string): unknown
  single(length: number): Float32Array
  double(length: number): Float64Array
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

/** A copy of a module's return value, finite and of that length. @throws by `fail` */
export function readVector(
  value: unknown,
  what: string,
  length: number,
  fail: (why: string) => never,
): Float32Array<ArrayBuffer> {
  if (!isFloat32Array(value)) return fail(`${what} is not a Float32Array`)
  const copy = new Float32Array(value)
  if (copy.length !== length) return fail(`${what} has ${copy.length} values, expected ${length}`)
  const bad = copy.findIndex((entry) => !Number.isFinite(entry))
  return bad >= 0 ? fail(`${what}, value ${bad} is ${copy[bad]}`) : copy
}
