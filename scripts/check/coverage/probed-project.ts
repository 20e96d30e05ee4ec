// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a Hardhat project in .cache/coverage: the contracts with a probe in every branch, and links to our files for everything else.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE, ROOT } from '../../bootstrap/paths.mjs'
import { runNode } from '../../run-node.ts'
import { ALLOCATOR, COLLECTOR } from '../../test/memory.ts'
import { addBranchProbes, type Branch } from './branch-probes.ts'

export type ProbedProject = {
  readonly folder: string
  /** The branches of each contract, by its path below the root. */
  readonly branches: ReadonlyMap<string, readonly Branch[]>
}

const PROJECTS = join(CACHE, 'coverage')
const LINKED = [
  'node_modules',
  'keepers',
  'scripts',
  'deploy',
  'circuits',
  'test',
  'types',
  'snapshots',
  'tsconfig.json',
]
const CONFIG = `import config from './project.config.ts'
import { underCoverage } from './scripts/check/coverage/probed-config.ts'
export default underCoverage(config)
`

/** Writes and compiles the project anew. Throws with the compiler's output when that fails. */
export async function buildProbedProject(name: string): Promise<ProbedProject> {
  removeProjects()
  const folder = emptyProject(name)
  cpSync(join(ROOT, 'contracts'), join(folder, 'contracts'), { recursive: true })
  const branches = new Map<string, readonly Branch[]>()
  for (const file of globSync('contracts/**/*.sol', { cwd: ROOT })) {
    const result = addBranchProbes(readFileSync(join(ROOT, file), 'utf8'))
    writeFileSync(join(folder, file), result.source)
    branches.set(file, result.branches)
  }
  await hardhat(folder, ['build'], 'the contracts do not compile under coverage')
  return { folder, branches }
}

/**
 * Copies a compiled project to another folder. Hardhat's cache names files by their absolute paths. If it did not find them, it would only compile
 * again.
 */
export function duplicateProject(project: ProbedProject, name: string): ProbedProject {
  const folder = emptyProject(name)
  for (const entry of ['contracts', 'artifacts', 'cache']) {
    cpSync(join(project.folder, entry), join(folder, entry), { recursive: true })
  }
  const cache = join(folder, 'cache', 'compile-cache.json')
  writeFileSync(cache, readFileSync(cache, 'utf8').replaceAll(`"${project.folder}/`, `"${folder}/`))
  return { folder, branches: project.branches }
}

/** Runs test files in the project; afterwards its coverage/ holds the lines that they reached. Throws with their output when one
 * fails. */
export async function runTests({ folder }: ProbedProject, files: readonly string[]): Promise<void> {
  await hardhat(folder, ['test', 'mocha', ...files], 'the tests fail under coverage')
}

export function removeProjects(): void {
  rmSync(PROJECTS, { recursive: true, force: true })
}

function emptyProject(name: string): string {
  const folder = join(PROJECTS, name)
  mkdirSync(folder, { recursive: true })
  for (const entry of LINKED) symlinkSync(join(ROOT, entry), join(folder, entry))
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  cpSync(join(ROOT, 'hardhat.config.ts'), join(folder, 'project.config.ts'))
  writeFileSync(join(folder, 'hardhat.config.ts'), CONFIG)
  return folder
}

async function hardhat(folder: string, task: readonly string[], complaint: string): Promise<void> {
  const cli = join(ROOT, 'node_modules/hardhat/dist/src/cli.js')
  // Types would be written through the link, with the bytecode of probed contracts.
  const args = [...COLLECTOR, '--preserve-symlinks-main', cli, ...task, '--coverage', '--no-typechain']
  const { output, code } = await runNode(args, { cwd: folder, env: { ...ALLOCATOR, ...process.env } })
  if (code !== 0) throw new Error(`${output}\n${complaint}`)
}
