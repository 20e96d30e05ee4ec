#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// The npm compiler, for Slither, which starts `solc --standard-json`. It reads the syntax trees and looks at no bytecode, so none is
// generated: that would take minutes.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const solc = require('solc')

if (process.argv.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`)
  process.exit(0)
}
const input = JSON.parse(readFileSync(0, 'utf8'))
for (const [path, source] of Object.entries(input.sources)) {
  if (source.urls !== undefined) input.sources[path] = { content: readFileSync(source.urls[0], 'utf8') }
}
input.settings = {
  ...input.settings,
  evmVersion: 'cancun',
  outputSelection: { '*': { '': ['ast'], '*': ['abi', 'userdoc', 'devdoc'] } },
}
const contents = (path) => {
  try {
    return { contents: readFileSync(path.startsWith('@') ? require.resolve(path) : path, 'utf8') }
  } catch (error) {
    return { error: String(error) }
  }
}
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: contents }))
const empty = { object: '', sourceMap: '', opcodes: '', linkReferences: {} }
for (const contracts of Object.values(output.contracts ?? {})) {
  for (const contract of Object.values(contracts)) {
    contract.evm = { bytecode: empty, deployedBytecode: empty, methodIdentifiers: {} }
  }
}
process.stdout.write(JSON.stringify(output))
