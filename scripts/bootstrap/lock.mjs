// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { CACHE } from './paths.mjs'

const POLL_MS = 500

/**
 * Lets one process at a time do `work`; a lock whose owner died is taken over.
 * @param {string} name
 * @param {() => Promise<void>} work
 */
export async function withLock(name, work) {
  await mkdir(CACHE, { recursive: true })
  const file = join(CACHE, `${name}.lock`)
  while (!(await take(file))) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  try {
    await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file) {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  if (!isAlive(owner)) await rm(file, { force: true })
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
