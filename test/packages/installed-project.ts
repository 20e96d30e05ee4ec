// SPDX-License-Identifier: GPL-3.0-or-later
// The one project that the tests of this folder install the packages into, made when the first of them asks for it.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PARTS } from '../../scripts/packages/list.ts'
import { packAll } from '../../scripts/packages/pack.ts'
import { installInto } from './empty-project.ts'

export type Project = {
  path(...names: string[]): string
  /** A path within a package as it is installed; `name` without the scope. */
  installed(name: string, ...names: string[]): string
  /** The first block of that language in a package's README. */
  example(name: string, language: string): string
  /** Runs a file of the project by Node without any flag. */
  node(...args: string[]): SpawnSyncReturns<string>
}

let folder: string | undefined
let made: Promise<Project> | undefined

/** Packs all packages that are imported and installs them, and Vite, outside the checkout (some 20 s, once a process). */
export function installedProject(): Promise<Project> {
  made ??= make()
  return made
}

async function make(): Promise<Project> {
  folder = await mkdtemp(join(tmpdir(), 'cohort-packages-'))
  const home = join(folder, 'project')
  await installInto(home, await packAll(join(folder, 'packed'), PARTS), ['vite'])
  const path = (...names: string[]) => join(home, ...names)
  const installed = (name: string, ...names: string[]) => path('node_modules', '@cohort-ai', name, ...names)
  return {
    path,
    installed,
    example(name, language) {
      const readme = readFileSync(installed(name, 'README.md'), 'utf8')
      const ownPart = readme.slice(readme.indexOf('## By itself'))
      return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(ownPart)![1]!
    },
    node: (...args) =>
      spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } }),
  }
}

after(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})
