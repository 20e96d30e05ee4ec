// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { lstat, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { BootstrapError } from './errors.mjs'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'
import { ROOT } from './paths.mjs'
import { step } from './progress.mjs'

const MODULES = join(ROOT, 'node_modules')

/** Written last, inside node_modules: an install that was killed has none and starts again. */
const MARKER = join(MODULES, '.cohort-installed')

/** npm's own record of what it installed, written at the end. */
const NPM_RECORD = join(MODULES, '.package-lock.json')

/**
 * Installs from the lockfile when node_modules is missing, half-made or of another lockfile.
 * @param {string} node absolute path of the Node binary the install runs under
 */
export async function ensureInstalled(node) {
  const lockfile = await readFile(join(ROOT, 'package-lock.json'), 'utf8')
  const wanted = fingerprint(lockfile)
  if (await isInstalled(wanted)) return
  await withLock('install', async (adopt) => {
    if (await isInstalled(wanted)) return
    if (!(await isWhatNpmInstalled(lockfile))) {
      await refuseLink()
      await rm(MARKER, { force: true })
      await step('Installing packages from the lockfile (about 900; a minute or two the first time)', () =>
        npm(node, ['ci'], { cwd: ROOT, adopt }),
      )
    }
    await writeFile(MARKER, wanted)
  })
}

async function isInstalled(wanted) {
  return (await readFile(MARKER, 'utf8').catch(() => null)) === wanted
}

async function isWhatNpmInstalled(lockfile) {
  const record = await readFile(NPM_RECORD, 'utf8').then(JSON.parse, () => null)
  return record !== null && matchesLockfile(JSON.parse(lockfile).packages, record.packages, thisPlatform())
}

/**
 * Whether a manual installation matches the lockfile. Optional packages may be absent, except those made for this platform: an
 * older Node's npm leaves out packages that ask for a newer Node, such as ours.
 * @param {Record<string, any>} locked packages of the lockfile by path
 * @param {Record<string, any>} found packages of npm's record by path
 * @param {{ os: string, cpu: string, libc: string }} platform
 */
export function matchesLockfile(locked, found, platform) {
  return Object.entries(locked).every(([path, { version, optional, ...limits }]) => {
    if (path === '' || found[path]?.version === version) return true
    return found[path] === undefined && optional === true && !isMadeFor(limits, platform)
  })
}

/** A package that names this platform; one that names none is for all and for none in particular. */
function isMadeFor(limits, platform) {
  const named = ['os', 'cpu', 'libc'].filter((kind) => limits[kind] !== undefined)
  return named.length > 0 && named.every((kind) => limits[kind].includes(platform[kind]))
}

function thisPlatform() {
  const glibc = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime !== undefined
  return { os: process.platform, cpu: process.arch, libc: glibc ? 'glibc' : 'musl' }
}

/** `npm ci` empties the folder first: through a link that would be another checkout's. */
async function refuseLink() {
  const isLink = await lstat(MODULES).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
  if (isLink)
    throw new BootstrapError(`${MODULES} is a link: remove it, so that this checkout gets packages of its own`, 73)
}

/** The lockfile and the platform: native optional packages differ between platforms that share a folder. */
function fingerprint(lockfile) {
  return createHash('sha256').update(lockfile).update(`${process.platform}-${process.arch}`).digest('hex')
}
