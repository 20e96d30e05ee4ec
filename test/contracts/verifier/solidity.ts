// SPDX-License-Identifier: GPL-3.0-or-later
// Compiles Solidity text with the project's own compiler and settings.
import { createRequire } from 'node:module'

export type CompiledContract = { readonly abi: object[]; readonly bytecode: string; readonly deployedBytes: number }

/** Compiles one contract of a source text that imports nothing. Throws the compiler's messages, warnings included. */
export function compileSolidity(source: string, name: string): CompiledContract {
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string }
  const input = {
    language: 'Solidity',
    sources: { 'Source.sol': { content: source } },
    settings: {
      viaIR: true,
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 800 },
      metadata: { bytecodeHash: 'none' },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  }
  const output = JSON.parse(solc.compile(JSON.stringify(input)))
  const messages: { formattedMessage: string }[] = output.errors ?? []
  if (messages.length > 0) throw new Error(messages.map((message) => message.formattedMessage).join('\n'))
  const { abi, evm } = output.contracts['Source.sol'][name]
  return {
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytes: evm.deployedBytecode.object.length / 2,
  }
}
