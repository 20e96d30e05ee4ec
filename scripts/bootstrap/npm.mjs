// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { adviceFor, BootstrapError } from './errors.mjs'
import { runtimeEnvironment } from './paths.mjs'

/** Enough of npm's output to explain a failure, and no more. */
const KEPT_OUTPUT = 16_384

/**
 * Runs npm under `node` (npm decides by the Node it runs under which optional native packages it installs).
 * The cache is asked first, so a warm cache works with no network.
 * @param {string} node absolute path of the Node binary
 * @param {string[]} args npm's arguments
 * @param {{ cwd: string, adopt: (pid: number) => Promise<void> }} options `adopt` is told npm's process id
 */
export async function npm(node, args, { cwd, adopt }) {
  const cli = findNpm()
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  const { code, output } = await run(node, [cli, ...args, ...flags], cwd, adopt)
  if (code === 0) return
  const why = adviceFor(output)
  if (why !== null) throw new BootstrapError(why, 73)
  const lines = output.split('\n').filter((line) => line.startsWith('npm error') && !line.includes('complete log'))
  throw new BootstrapError(`npm ${args[0]} failed: ${lines.slice(0, 3).join(' · ') || output.slice(-300)}`)
}

/** npm's own JavaScript: as the script that started us says, or beside a Node on the PATH. */
export function findNpm() {
  const told = process.env.npm_execpath
  if (told?.endsWith('npm-cli.js') && existsSync(told)) return told
  for (const folder of [join(process.execPath, '..'), ...(process.env.PATH ?? '').split(delimiter)]) {
    for (const place of [
      '../lib/node_modules/npm/bin/npm-cli.js',
      'node_modules/npm/bin/npm-cli.js',
      '../share/nodejs/npm/bin/npm-cli.js',
    ]) {
      const candidate = join(folder, place)
      if (existsSync(candidate)) return candidate
    }
  }
  throw new BootstrapError(
    'npm was not found: install it with Node.js from https://nodejs.org, or put its folder on the PATH',
    69,
  )
}

function run(node, args, cwd, adopt) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd, env: runtimeEnvironment(node), stdio: ['ignore', 'pipe', 'pipe'] })
    if (child.pid !== undefined) adopt(child.pid).catch(reject)
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT_OUTPUT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const stop = (signal) => child.kill(signal)
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      if (signal !== null)
        reject(new BootstrapError(`interrupted (${signal}): run the same command again to go on`, 130))
      else resolve({ code, output })
    })
  })
}
