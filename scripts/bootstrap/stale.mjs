// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BUILD_STEPS } from '../build-steps.mjs'
import { adviceFor, BootstrapError } from './errors.mjs'
import { withLock } from './lock.mjs'
import { CACHE, ROOT, runtimeEnvironment } from './paths.mjs'
import { step } from './progress.mjs'

const STAMPS = join(CACHE, 'build-stamps')

/**
 * Runs every build step with inputs that changed since it last succeeded, or with missing outputs.
 * @param {string} node absolute path of the Node binary
 * @param {string[]} except names of steps that the command can do without
 */
export async function ensureBuilt(node, except = []) {
  const stale = await staleSteps(except)
  if (stale.length === 0) return
  await withLock('build', async () => {
    for (const { build, stamp } of await staleSteps(except)) {
      await step(`Building ${build.name}`, () => runBuild(node, build))
      await mkdir(STAMPS, { recursive: true })
      await writeFile(join(STAMPS, build.name), stamp)
    }
  })
}

async function staleSteps(except) {
  const stale = []
  for (const build of BUILD_STEPS.filter(({ name }) => !except.includes(name))) {
    const stamp = await stampOf(build)
    if (stamp === null) continue
    const last = await readFile(join(STAMPS, build.name), 'utf8').catch(() => null)
    if (last !== stamp || build.outputs.some((output) => !existsSync(join(ROOT, output)))) stale.push({ build, stamp })
  }
  return stale
}

/** Hash of the step's inputs, by content: checkouts and copies change times, not contents. */
async function stampOf({ inputs, extensions }) {
  const files = (await Promise.all(inputs.map((input) => filesUnder(join(ROOT, input), extensions)))).flat().sort()
  if (files.length === 0) return null
  const hash = createHash('sha256')
  const contents = await Promise.all(files.map((file) => readFile(file)))
  for (const [index, file] of files.entries()) {
    hash.update(file.slice(ROOT.length))
    hash.update(contents[index])
  }
  return hash.digest('hex')
}

async function filesUnder(path, extensions) {
  if (!existsSync(path)) return []
  if (extensions.some((extension) => path.endsWith(extension))) return [path]
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile() && extensions.some((extension) => entry.name.endsWith(extension)))
    .map((entry) => join(entry.parentPath, entry.name))
}

function runBuild(node, { name, command }) {
  return new Promise((resolve, reject) => {
    const [script, ...args] = command
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], {
      cwd: ROOT,
      env: runtimeEnvironment(node),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve()
      const advice = adviceFor(output)
      reject(new BootstrapError(advice ?? `building ${name} failed:\n${output.trimEnd()}`, advice === null ? 70 : 73))
    })
  })
}
