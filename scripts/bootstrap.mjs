// SPDX-License-Identifier: GPL-3.0-or-later
// The front door of every command: plain JavaScript for Node 20 and newer, with nothing installed. It finds or gets a
// Node that can run the project, installs from the lockfile, builds what is stale, and then becomes the command.
//
//   node scripts/bootstrap.mjs run <script.ts> [arguments]   run one of the project's scripts
//   node scripts/bootstrap.mjs exec <binary> [arguments]     run a binary of node_modules/.bin
//   node scripts/bootstrap.mjs setup                         only prepare
//
// A warm start reads one marker and hashes the sources: well under a second.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import process from 'node:process'
import { BootstrapError, explain } from './bootstrap/errors.mjs'
import { nodeFlags } from './bootstrap/flags.mjs'
import { ensureInstalled } from './bootstrap/install.mjs'
import { ensureNode } from './bootstrap/node.mjs'
import { ROOT, runtimeEnvironment } from './bootstrap/paths.mjs'
import { programOf } from './bootstrap/program.mjs'
import { ensureBuilt } from './bootstrap/stale.mjs'

const USAGE = 'usage: node scripts/bootstrap.mjs run <script.ts> | exec <binary> | setup  [arguments]'

/**
 * Prepares the checkout and runs the command.
 * @param {string[]} argv after `node scripts/bootstrap.mjs`
 * @returns {Promise<number>} the command's exit code
 */
export async function bootstrap(argv) {
  const [mode, target, ...rest] = argv
  if (!['run', 'exec', 'setup'].includes(mode ?? '') || (mode !== 'setup' && target === undefined)) {
    throw new BootstrapError(USAGE, 64)
  }
  const node = await ensureNode()
  await ensureInstalled(node)
  // A tool that formats, lints or builds the sources itself has no use for their build.
  if (!(mode === 'exec' && ['biome', 'solhint', 'hardhat'].includes(target))) {
    await ensureBuilt(node, mode === 'run' && worksWithoutContracts(target, rest) ? ['contracts'] : [])
  }
  // One command starts as soon as it may; scripts may start dozens of keepers, and setup is for what comes later.
  const program = mode === 'exec' ? null : await programOf(target === COHORT ? undefined : node)
  if (mode === 'setup') return 0
  return await become(
    node,
    program,
    mode === 'run' ? [resolveScript(target), ...rest] : [await binaryOf(target), ...rest],
  )
}

const COHORT = 'keepers/cli/main.ts'

/** Areas of `cohort` that never talk to a chain. */
const CHAINLESS = ['help', 'learning', 'simulate', 'zkml', 'ceremony']

/**
 * Compiling the contracts takes a minute or two of the first start; a command that has no use for them does not wait.
 * @param {string} target a script, relative to the root
 * @param {string[]} args its arguments
 */
export function worksWithoutContracts(target, args) {
  // It compiles them itself, beside the tests that have no use for them.
  if (target === 'scripts/test.ts') return true
  if (target !== COHORT) return false
  if (args.length === 0 || args.some((arg) => ['--help', '-h', '--version', '-V'].includes(arg))) return true
  return CHAINLESS.includes(args[0] ?? '')
}

/**
 * @param {string} target a script, relative to the root
 * @returns {string} its absolute path; the checkout may lie in a folder of any name, with spaces or letters beyond ASCII
 */
export function resolveScript(target) {
  return resolve(ROOT, target)
}

async function binaryOf(name) {
  const { readFile } = await import('node:fs/promises')
  const { join } = await import('node:path')
  for (const owner of [name, `@biomejs/${name}`]) {
    const folder = join(ROOT, 'node_modules', owner)
    const manifest = await readFile(join(folder, 'package.json'), 'utf8').then(JSON.parse, () => null)
    if (manifest === null) continue
    const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin?.[name]
    if (bin !== undefined) return join(folder, bin)
  }
  throw new BootstrapError(`no binary '${name}' in node_modules: see the devDependencies of package.json`, 64)
}

/**
 * Runs the command under `node` with our streams, and passes signals on.
 * @param {string} node
 * @param {string | null} program name of the program that `cohort` is, here and in processes that the command starts; null for its sources
 * @param {string[]} args
 * @returns {Promise<number>} its exit code; 128 and the signal's number when a signal ended it, as shells do: 137 for SIGKILL
 */
export function become(node, program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [...nodeFlags(args), ...args], {
      stdio: 'inherit',
      // A keeper stops when we are gone: nobody can pass SIGKILL on.
      env: { ...runtimeEnvironment(node), COHORT_PARENT: String(process.pid), COHORT_PROGRAM: program ?? '' },
    })
    const forward = (signal) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward)
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
  })
}

/** Runs `bootstrap` as a program: one line on stderr when it fails, never a stack. */
export async function main(argv) {
  try {
    process.exitCode = await bootstrap(argv)
  } catch (error) {
    const { line, code } = explain(error)
    process.stderr.write(`cohort: ${line}\n`)
    process.exitCode = code
  }
}

if (
  process.argv[1] !== undefined &&
  import.meta.url.endsWith('/scripts/bootstrap.mjs') &&
  process.argv[1].endsWith('bootstrap.mjs')
) {
  await main(process.argv.slice(2))
}
