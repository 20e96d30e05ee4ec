// SPDX-License-Identifier: GPL-3.0-or-later
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'

/** A property of the repository that must hold, checked by one command. */
export type Gate = {
  readonly name: string
  /** The two sides that it compares, for the table. */
  readonly checks: string
  /** A JavaScript or TypeScript file relative to the root, and its arguments. */
  readonly command: readonly string[]
  /** Takes minutes: only with `--all`, as CI does. */
  readonly slow?: boolean
}

const bin = (path: string) => join('node_modules', path)
const solidity = globSync('contracts/**/*.sol', { cwd: ROOT })

export const GATES: readonly Gate[] = [
  {
    name: 'format',
    checks: 'format and lint of TypeScript and JavaScript, imports without circles (Biome)',
    command: [bin('@biomejs/biome/bin/biome'), 'ci', '.'],
  },
  { name: 'types', checks: 'strict types everywhere', command: [bin('typescript/bin/tsc'), '--noEmit'] },
  {
    name: 'types-web',
    checks: 'the same for the console',
    command: [bin('typescript/bin/tsc'), '--noEmit', '-p', 'web'],
  },
  {
    name: 'solhint',
    checks: 'Solidity style and known dangers',
    command: [
      bin('solhint/solhint.js'),
      '--max-warnings',
      '0',
      '--noPoster',
      ...(solidity.length > 0 ? solidity : ['contracts/**/*.sol']),
    ],
  },
  {
    name: 'circuits',
    checks: 'every <-- owes a constraint; no assert on signals',
    command: ['scripts/check/circuit-lint.ts'],
  },
  {
    name: 'exports',
    checks: 'no dead export, file or dependency (knip)',
    command: [bin('knip/bin/knip.js'), '--no-progress', '--no-config-hints'],
  },
  {
    name: 'licences',
    checks: "SPDX headers; every dependency's licence; MIT contracts import only MIT",
    command: ['scripts/check/licences.ts'],
  },
  {
    name: 'fsm',
    checks: 'specification, contract and behaviours agree',
    command: ['keepers/cli/main.ts', 'fsm', 'check'],
  },
  {
    name: 'documents',
    checks: 'every command in README and docs exists, with these options',
    command: ['scripts/check/documents.ts'],
  },
  {
    name: 'slither',
    checks: 'findings of Slither are triaged (skipped where it is not installed)',
    command: ['scripts/check/slither/main.ts'],
    slow: true,
  },
  {
    name: 'coverage',
    checks: 'line and branch coverage of contracts/ ≥ 95 %',
    command: ['scripts/check/coverage/main.ts'],
    slow: true,
  },
]
