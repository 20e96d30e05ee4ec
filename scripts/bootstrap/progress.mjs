// SPDX-License-Identifier: GPL-3.0-or-later
import process from 'node:process'

const TICK_MS = 1_000
const PLAIN_TICK_MS = 15_000

/**
 * Reports progress on stderr while `work` runs: a ticking line on a terminal, an occasional line elsewhere.
 * @template T
 * @param {string} label
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(label, work) {
  const { stderr } = process
  const start = Date.now()
  const seconds = () => Math.round((Date.now() - start) / 1000)
  const live = stderr.isTTY === true
  stderr.write(live ? `${label} …` : `${label} …\n`)
  const timer = setInterval(
    () => stderr.write(live ? `\r${label} … ${seconds()} s` : `  … ${seconds()} s\n`),
    live ? TICK_MS : PLAIN_TICK_MS,
  )
  try {
    const result = await work()
    stderr.write(live ? `\r${label} … done in ${seconds()} s\n` : `  done in ${seconds()} s\n`)
    return result
  } catch (error) {
    if (live) stderr.write('\n')
    throw error
  } finally {
    clearInterval(timer)
  }
}
