// SPDX-License-Identifier: GPL-3.0-or-later
// Holds the licences together: our sources carry the right SPDX line, contracts that others import stay MIT and import
// nothing stronger, and every locked dependency has a licence that a GPL-3.0-or-later work may link.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../bootstrap/paths.mjs'

/** Licences that GPL-3.0-or-later may link (gnu.org/licenses/license-list), by SPDX identifier. */
const COMPATIBLE = new Set([
  '0BSD',
  'Apache-2.0',
  'Artistic-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'CC-BY-3.0',
  'CC-BY-4.0',
  'GPL-3.0',
  'GPL-3.0-only',
  'GPL-3.0-or-later',
  'ISC',
  'LGPL-3.0',
  'LGPL-3.0-only',
  'LGPL-3.0-or-later',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  'WTFPL',
  'Zlib',
])

/** Packages with a manifest that states no SPDX licence, each looked up by hand. */
const KNOWN: Record<string, string> = {
  // package.json has the older `licenses` array.
  esprima: 'BSD-2-Clause',
  memorystream: 'MIT',
  // Published from the MIT-licensed Hardhat repository without the field.
  '@nomicfoundation/ignition-ui': 'MIT',
}

/** Packages that Solidity may import besides our own files. */
const CONTRACT_IMPORTS = ['@openzeppelin/contracts/']

const HEADERS: readonly { pattern: string; exclude?: RegExp; licence: string; within: number }[] = [
  { pattern: 'contracts/**/*.sol', licence: 'MIT', within: 1 },
  {
    pattern: '{keepers,scripts,deploy,test}/**/*.{ts,mts,mjs}',
    exclude: /\/generated\//,
    licence: 'GPL-3.0-or-later',
    within: 2,
  },
  { pattern: 'circuits/**/*.circom', exclude: /\/generated\//, licence: 'GPL-3.0-or-later', within: 1 },
  { pattern: 'hardhat.config.ts', licence: 'GPL-3.0-or-later', within: 1 },
]

const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({ license: z.string().optional(), link: z.boolean().optional(), optional: z.boolean().optional() }),
  ),
})

const problems = [...headerProblems(), ...importProblems(), ...dependencyProblems()]
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.exitCode = problems.length > 0 ? 1 : 0

function* headerProblems(): Generator<string> {
  for (const { pattern, exclude, licence, within } of HEADERS) {
    for (const file of globSync(pattern, { cwd: ROOT })) {
      if (exclude?.test(file)) continue
      const head = readFileSync(join(ROOT, file), 'utf8').split('\n', within).join('\n')
      if (!head.includes(`SPDX-License-Identifier: ${licence}`))
        yield `${file}: starts without 'SPDX-License-Identifier: ${licence}'`
    }
  }
}

function* importProblems(): Generator<string> {
  for (const file of globSync('contracts/**/*.sol', { cwd: ROOT })) {
    for (const [, path] of readFileSync(join(ROOT, file), 'utf8').matchAll(/^import[^;]*?["']([^"']+)["']/gm)) {
      if (!path!.startsWith('.') && !CONTRACT_IMPORTS.some((prefix) => path!.startsWith(prefix))) {
        yield `${file}: imports ${path}, which is neither ours nor one of ${CONTRACT_IMPORTS.join(', ')}`
      }
    }
  }
}

function* dependencyProblems(): Generator<string> {
  const { packages } = lockfile.parse(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')))
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '' || entry.link) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const licence = KNOWN[name] ?? entry.license
    if (licence === undefined) yield `${path}: states no licence; look it up and add it to KNOWN`
    else if (!isCompatible(licence)) yield `${path}: licence '${licence}' is not known to go with GPL-3.0-or-later`
  }
}

/** SPDX expressions: any side of OR will do, every side of AND must. */
function isCompatible(expression: string): boolean {
  const bare = expression.replace(/^\(|\)$/g, '').trim()
  if (/\bOR\b/i.test(bare)) return bare.split(/\bOR\b/i).some((side) => isCompatible(side.trim()))
  if (/\bAND\b/i.test(bare)) return bare.split(/\bAND\b/i).every((side) => isCompatible(side.trim()))
  return COMPATIBLE.has(bare.replace(/^MPL 2\.0$/, 'MPL-2.0'))
}
