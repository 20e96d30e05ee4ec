// SPDX-License-Identifier: GPL-3.0-or-later
// The Solidity compiler for tests and benches, for sources outside of the project, such as verifiers and misbehaving consumers.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import type { InterfaceAbi } from 'ethers'
import { CACHE } from './bootstrap/paths.mjs'

type Message = { readonly severity: string; readonly formattedMessage: string }
type Imports = { import(path: string): { contents: string } | { error: string } }
type Solc = { compile(input: string, imports: Imports): string }

const require = createRequire(import.meta.url)
let loaded: Solc | undefined

/** A cached result, valid as long as the compiler would read the same imports. */
type Kept = { readonly imports: Readonly<Record<string, string>>; readonly output: string }

const KEPT = join(CACHE, 'solc')
const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * Solc's standard output for its standard input, both untyped: the requested settings determine the output's fields.
 * Keeps results in .cache/solc: many tests use the same few contracts, in processes of their own, and each compilation takes seconds.
 * @param read the text of an imported path; an error that it throws becomes one of the output
 * @param kept whether the result is: not that of a source which nobody will have again
 */
export function runSolc<Output>(input: object, read: (path: string) => string, kept = true): Output {
  const question = JSON.stringify(input)
  const { version } = require('solc/package.json') as { version: string }
  const file = join(KEPT, `${digest(version + question)}.json`)
  const known = kept ? keptAt(file, read) : null
  if (known !== null) return JSON.parse(known)
  // Eight megabytes of WebAssembly: loaded when a process first compiles.
  loaded ??= require('solc') as Solc
  const found: Record<string, string> = {}
  let complete = true
  const imports: Imports = {
    import(path) {
      try {
        const contents = read(path)
        found[path] = digest(contents)
        return { contents }
      } catch (error) {
        complete = false
        return { error: (error as Error).message }
      }
    },
  }
  const output = loaded.compile(question, imports)
  if (kept && complete) keep(file, { imports: found, output })
  return JSON.parse(output)
}

/** The output kept there, when all imports are what they were. */
function keptAt(file: string, read: (path: string) => string): string | null {
  try {
    const { imports, output } = JSON.parse(readFileSync(file, 'utf8')) as Kept
    return Object.entries(imports).every(([path, hash]) => digest(read(path)) === hash) ? output : null
  } catch {
    return null
  }
}

/** Two processes may keep the same at once. */
function keep(file: string, kept: Kept): void {
  mkdirSync(KEPT, { recursive: true })
  const aside = `${file}.${process.pid}`
  writeFileSync(aside, JSON.stringify(kept))
  renameSync(aside, file)
}

export type Compiled = {
  readonly abi: InterfaceAbi
  readonly bytecode: string
  /** Bytes of the code that a deployed contract has. */
  readonly deployedBytes: number
}

type Code = { readonly object: string }
type Contracts = Record<string, { abi: InterfaceAbi; evm: { bytecode: Code; deployedBytecode: Code } }>

/** The project's own; hardhat.config.ts has them, too. */
const SETTINGS = {
  viaIR: true,
  optimizer: { enabled: true, runs: 800 },
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
}
/** Settings for contracts whose gas and size do not matter. Takes a fifth of the time. */
const QUICK = { ...SETTINGS, viaIR: false, optimizer: { enabled: false } }

/**
 * Every contract of `source`, which may import packages, by name.
 * @param options `quick`: unoptimised, for contracts that only play a part in a test; `kept`: as of {@link runSolc}
 * @throws Error in the compiler's words when it does not compile; with `strict`, when there is a warning
 */
export function compile(source: string, { strict = false, quick = false, kept = true } = {}): Record<string, Compiled> {
  const { errors = [], contracts = {} } = runSolc<{ errors?: Message[]; contracts?: Record<string, Contracts> }>(
    { language: 'Solidity', sources: { 'source.sol': { content: source } }, settings: quick ? QUICK : SETTINGS },
    (path) => readFileSync(require.resolve(path), 'utf8'),
    kept,
  )
  const fatal = errors.filter(({ severity }) => strict || severity === 'error')
  if (fatal.length > 0) throw new Error(fatal.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return Object.fromEntries(
    Object.entries(contracts['source.sol'] ?? {}).map(([name, { abi, evm }]) => [
      name,
      { abi, bytecode: `0x${evm.bytecode.object}`, deployedBytes: evm.deployedBytecode.object.length / 2 },
    ]),
  )
}
