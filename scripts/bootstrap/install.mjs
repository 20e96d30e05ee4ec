// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'
import { ROOT } from './paths.mjs'
import { step } from './progress.mjs'

/** Written last, inside node_modules: an install that was killed has none and starts again. */
const MARKER = join(ROOT, 'node_modules', '.cohort-installed')

/**
 * Installs from the lockfile when node_modules is missing, half-made or of another lockfile.
 * @param {string} node absolute path of the Node binary the install runs under
 */
export async function ensureInstalled(node) {
  const wanted = await fingerprint()
  if (await isInstalled(wanted)) return
  await withLock('install', async (adopt) => {
    if (await isInstalled(wanted)) return
    await rm(MARKER, { force: true })
    await step('Installing packages from the lockfile (about 900; a minute or two the first time)', () =>
      npm(node, ['ci'], { cwd: ROOT, adopt }),
    )
    await writeFile(MARKER, wanted)
  })
}

async function isInstalled(wanted) {
  return (await readFile(MARKER, 'utf8').catch(() => null)) === wanted
}

/** The lockfile and the platform: native optional packages differ between platforms that share a folder. */
async function fingerprint() {
  const hash = createHash('sha256')
  hash.update(await readFile(join(ROOT, 'package-lock.json')))
  hash.update(`${process.platform}-${process.arch}`)
  return hash.digest('hex')
}
