// SPDX-License-Identifier: GPL-3.0-or-later

/** A failure that the user can act on: `message` is the one line shown, `code` the exit code. */
export class BootstrapError extends Error {
  /**
   * @param {string} message the error and how to fix it
   * @param {number} code exit code, after sysexits.h where one fits
   */
  constructor(message, code = 1) {
    super(message)
    this.name = 'BootstrapError'
    this.code = code
  }
}

const BY_ERRNO = {
  EROFS: 'the folder is read-only: copy the project to a folder that you can write to',
  EACCES: 'no permission to write here: copy the project to a folder of your own, or fix its owner',
  EPERM: 'no permission to write here: copy the project to a folder of your own, or fix its owner',
  ENOSPC: 'the disk is full: the project needs about 2 GiB; free some space and run the same command again',
  EDQUOT: 'your disk quota is used up: the project needs about 2 GiB; free some space and run the same command again',
  EMFILE: 'too many open files: raise the limit (ulimit -n 4096) and run the same command again',
}

/**
 * Finds the errno names that npm and Node leave in their output.
 * @param {string} text
 * @returns {string | null} one line with the error and how to fix it
 */
export function adviceFor(text) {
  for (const [errno, advice] of Object.entries(BY_ERRNO)) {
    if (new RegExp(`\\b${errno}\\b`).test(text)) return advice
  }
  if (/\b(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENOTCACHED)\b/.test(text)) {
    return 'the npm registry cannot be reached and the npm cache does not hold everything: connect once and run the same command again'
  }
  return null
}

/**
 * @param {unknown} error
 * @returns {{ line: string, code: number }}
 */
export function explain(error) {
  if (error instanceof BootstrapError) return { line: error.message, code: error.code }
  const errno = error instanceof Error && 'code' in error ? String(error.code) : ''
  const advice = BY_ERRNO[errno]
  const message = error instanceof Error ? error.message : String(error)
  return { line: advice === undefined ? message : `${advice} (${message})`, code: advice === undefined ? 70 : 73 }
}
