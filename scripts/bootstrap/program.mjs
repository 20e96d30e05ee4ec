// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort` in a few files. Node finds, reads and links each of the 2,200 modules of a keeper by itself, which is more than half of what its
// start costs: put together, it starts in half the time. The sources stay the truth: their hash names the folder, and where there is no
// folder of that name, they run themselves.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE, ROOT } from './paths.mjs'

/** Folders of the programs, each called after its hash. keepers/cli/main.ts looks here, too. */
const PROGRAMS = join(CACHE, 'program')

/** Keepers and provers of another kind: scripts of the demo and of the tests that start as processes, too. A copy without tests lacks some. */
export const OTHERS = ['scripts/demo/spoiler.ts', 'test/e2e/liar.ts', 'test/e2e/lying-prover.ts']

/** What the program is made of, relative to the root. */
export const INPUTS = [
  'keepers',
  'deploy/parameters',
  'snapshots/rounds.json',
  'package.json',
  'package-lock.json',
  'scripts/build-program.mjs',
  ...OTHERS,
  'scripts/demo/tamper.ts',
  'test/keepers/fhe/dealer.ts',
]
const NAMES = /\.(ts|mjs|json)$/
const DIGITS = 32

/**
 * The program of the sources as they are, by name, for `COHORT_PROGRAM`.
 * @param {string} [node] absolute path of the Node binary: makes the program where there is none
 * @returns {Promise<string | null>} null where there is none, nor can one be made: then the sources run as they are
 */
export async function programOf(node) {
  const name = await nameOf(ROOT)
  if (existsSync(join(PROGRAMS, name))) return name
  return node !== undefined && (await build(node, name)) ? name : null
}

/**
 * Where one of {@link OTHERS} starts from: the program of this process, as keepers/cli/main.ts does it, or its source.
 * @param {string} script relative to the root
 * @returns {string} absolute path
 */
export function startOf(script) {
  const name = /^[0-9a-f]{32}$/.exec(process.env.COHORT_PROGRAM ?? '')
  const together = join(PROGRAMS, `${name}`, `${entryName(script)}.mjs`)
  return name !== null && existsSync(together) ? together : join(ROOT, script)
}

/**
 * The name of an entry's file in a program, without its ending.
 * @param {string} script relative to the root
 */
export const entryName = (script) =>
  script
    .replace(/^keepers[\\/]/, '')
    .replaceAll(/[\\/]/g, '.')
    .replace(/\.ts$/, '')

/**
 * The hash of a checkout's sources, of their names and contents: copies of a checkout change times.
 * @param {string} root
 * @returns {Promise<string>} 32 hexadecimal digits
 */
export async function nameOf(root) {
  const found = await Promise.all(INPUTS.map((input) => filesUnder(join(root, input))))
  const files = found.flat().sort()
  const contents = await Promise.all(files.map((file) => readFile(file)))
  const hash = createHash('sha256')
  for (const [index, file] of files.entries()) {
    hash.update(`${file.slice(root.length)} ${contents[index].length}\n`)
    hash.update(contents[index])
  }
  return hash.digest('hex').slice(0, DIGITS)
}

async function filesUnder(path) {
  if (!existsSync(path)) return []
  if (NAMES.test(path)) return [path]
  const entries = await readdir(path, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && NAMES.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Whether it was made. Not having it costs time and nothing else: no bundler, or no place to write, is no reason to stop. */
function build(node, name) {
  return new Promise((resolve) => {
    const child = spawn(node, [join(ROOT, 'scripts/build-program.mjs'), join(PROGRAMS, name)], { stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('close', (code) => resolve(code === 0))
  })
}
