// SPDX-License-Identifier: GPL-3.0-or-later
import { access, appendFile, constants, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { CACHE, ROOT } from './paths.mjs'

const POLL_MS = 500

/**
 * Lets one process at a time do `work`; takes over a lock after all its owners have died.
 * @param {string} name
 * @param {(adopt: (pid: number) => Promise<void>) => Promise<void>} work `adopt` makes a child process an owner too: an npm
 *   that outlives its killed parent still writes, and nobody may start another beside it
 */
export async function withLock(name, work) {
  // Asked first because a recursive mkdir on a read-only file system fails with a misleading ENOENT.
  await access(ROOT, constants.W_OK)
  await mkdir(CACHE, { recursive: true })
  const file = join(CACHE, `${name}.lock`)
  while (!(await take(file))) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  try {
    await work((pid) => appendFile(file, `${pid}\n`))
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file) {
  try {
    await writeFile(file, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const owners = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number)
  if (!owners.some(isAlive)) await rm(file, { force: true })
  return false
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
