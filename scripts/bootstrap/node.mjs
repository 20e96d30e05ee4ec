// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { BootstrapError } from './errors.mjs'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'
import { CACHE } from './paths.mjs'
import { step } from './progress.mjs'

/**
 * The release that is fetched when the Node at hand is too old. The npm package `node` only installs the platform's own
 * package from a postinstall script; we install that one directly, so it works where install scripts are switched off.
 */
const NODE_RELEASE = '24.21.0'

/** Oldest Node that can start this script at all (it must parse, and have a stable fetch and test of files). */
const OLDEST_BOOTSTRAP = [20, 0]

/** Oldest Node that runs TypeScript sources as they are and has node:sqlite; Hardhat 3 asks for 22.13. */
const OLDEST_RUNTIME = [22, 18]

/**
 * @returns {Promise<string>} absolute path of a Node binary that can run the project
 */
export async function ensureNode() {
  const version = parseVersion(process.versions.node)
  if (isOlder(version, OLDEST_BOOTSTRAP)) {
    throw new BootstrapError(
      `Node ${process.versions.node} is too old: install Node 20 or newer (https://nodejs.org) and run the same command again`,
    )
  }
  if (canRun(version)) return process.execPath
  const home = join(CACHE, `node-${NODE_RELEASE}`)
  const binary = binaryIn(home)
  if (existsSync(binary)) return binary
  await withLock('node', async (adopt) => {
    if (!existsSync(binary)) await fetchNode(home, adopt)
  })
  return binary
}

/** Node 23 stripped types only from 23.6 on. */
function canRun(version) {
  return !isOlder(version, OLDEST_RUNTIME) && !(version[0] === 23 && version[1] < 6)
}

async function fetchNode(home, adopt) {
  const half = `${home}.half`
  await rm(half, { recursive: true, force: true })
  await mkdir(half, { recursive: true })
  await writeFile(join(half, 'package.json'), '{"private":true}\n')
  await step(`Getting Node ${NODE_RELEASE} (this one is ${process.versions.node})`, () =>
    npm(process.execPath, ['install', '--prefix', half, '--ignore-scripts', `${platformPackage()}@${NODE_RELEASE}`], {
      cwd: half,
      adopt,
    }),
  )
  const manifest = JSON.parse(await readFile(join(half, 'node_modules', platformPackage(), 'package.json'), 'utf8'))
  if (manifest.version !== NODE_RELEASE)
    throw new BootstrapError(`npm delivered Node ${manifest.version}, not ${NODE_RELEASE}`)
  // The rename is what makes it complete: a killed download leaves only the .half folder.
  await rm(home, { recursive: true, force: true })
  await rename(half, home)
}

function platformPackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  return `node-${platform}-${process.arch}`
}

function binaryIn(home) {
  return join(home, 'node_modules', platformPackage(), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
}

function parseVersion(text) {
  return text.split('.').map(Number)
}

function isOlder(version, floor) {
  return version[0] < floor[0] || (version[0] === floor[0] && version[1] < floor[1])
}
