// SPDX-License-Identifier: GPL-3.0-or-later
// Installs the documentation's tools when the documentation is built: 150 MB that nothing else needs.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE } from '../bootstrap/paths.mjs'
import { npm } from '../packages/pack.ts'

/** typedoc needs a TypeScript that is written in JavaScript; the project's own is native. */
const VERSIONS = {
  typedoc: '0.28.20',
  'typedoc-plugin-markdown': '4.14.1',
  typescript: '6.0.3',
  vitepress: '1.6.4',
}

/** The tools cannot be installed; says how to get them. */
export class ToolsError extends Error {
  override readonly name = 'ToolsError'
}

/** The folder with the tools' node_modules. @throws ToolsError without network and npm cache */
export async function documentationTools(): Promise<string> {
  const folder = join(CACHE, 'docs-tools')
  const manifest = `${JSON.stringify({ private: true, type: 'module', dependencies: VERSIONS }, null, 2)}\n`
  const installed = join(folder, 'installed')
  if (existsSync(installed) && (await readFile(installed, 'utf8')) === manifest) return folder
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), manifest)
  process.stderr.write('  installing typedoc and VitePress (150 MB, once)\n')
  try {
    await npm(
      ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      folder,
    )
  } catch (cause) {
    const wanted = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
    throw new ToolsError(
      `${wanted.join(', ')} cannot be installed: connect to the npm registry once, or build without the reference and ` +
        `the site (--markdown). npm said: ${(cause as Error).message.split('\n').slice(0, 3).join(' ')}`,
      { cause },
    )
  }
  await writeFile(installed, manifest)
  return folder
}
