// SPDX-License-Identifier: GPL-3.0-or-later
// Compiles Solidity that is not part of the project: verifiers made in a test, and consumers that misbehave.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { InterfaceAbi } from 'ethers'

type Output = {
  errors?: { severity: string; formattedMessage: string }[]
  contracts: Record<string, Record<string, { abi: InterfaceAbi; evm: { bytecode: { object: string } } }>>
}

type Imports = { import(path: string): { contents: string } | { error: string } }
type Solc = { compile(input: string, imports: Imports): string }

export type Compiled = { readonly abi: InterfaceAbi; readonly bytecode: string }

const require = createRequire(import.meta.url)

/** Every contract of `source`, which may import packages. Throws with the compiler's words when it does not compile. */
export function compile(source: string): Record<string, Compiled> {
  const solc: Solc = require('solc')
  const output: Output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources: { 'source.sol': { content: source } },
        settings: {
          viaIR: true,
          optimizer: { enabled: true, runs: 800 },
          evmVersion: 'cancun',
          outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
        },
      }),
      { import: (path) => ({ contents: readFileSync(require.resolve(path), 'utf8') }) },
    ),
  )
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'))
  return Object.fromEntries(
    Object.entries(output.contracts['source.sol'] ?? {}).map(([name, { abi, evm }]) => [
      name,
      { abi, bytecode: `0x${evm.bytecode.object}` },
    ]),
  )
}
