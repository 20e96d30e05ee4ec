// SPDX-License-Identifier: GPL-3.0-or-later
// The Solidity compiler for tests and benches: sources that are not part of the project, such as verifiers and consumers that misbehave.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { InterfaceAbi } from 'ethers'

type Message = { readonly severity: string; readonly formattedMessage: string }
type Imports = { import(path: string): { contents: string } | { error: string } }
type Solc = { compile(input: string, imports: Imports): string }

const require = createRequire(import.meta.url)
let loaded: Solc | undefined

/**
 * Solc's standard output for its standard input, without the types of either: what is in it depends on the settings asked for.
 * @param read the text of an imported path; an error that it throws becomes one of the output
 */
export function runSolc<Output>(input: object, read: (path: string) => string): Output {
  // Eight megabytes of WebAssembly: loaded when a process first compiles.
  loaded ??= require('solc') as Solc
  const imports: Imports = {
    import(path) {
      try {
        return { contents: read(path) }
      } catch (error) {
        return { error: (error as Error).message }
      }
    },
  }
  return JSON.parse(loaded.compile(JSON.stringify(input), imports))
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

/**
 * Every contract of `source`, which may import packages, by name.
 * @throws Error in the compiler's words when it does not compile; with `strict`, when there is a warning
 */
export function compile(source: string, { strict = false } = {}): Record<string, Compiled> {
  const { errors = [], contracts = {} } = runSolc<{ errors?: Message[]; contracts?: Record<string, Contracts> }>(
    { language: 'Solidity', sources: { 'source.sol': { content: source } }, settings: SETTINGS },
    (path) => readFileSync(require.resolve(path), 'utf8'),
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
