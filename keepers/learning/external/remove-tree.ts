// SPDX-License-Identifier: GPL-3.0-or-later
// Deletes what a program left behind. A folder without permissions stops everybody but root from deleting what is in it, and the samples of the
// round would stay.
import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** rmSync with `recursive` and `force`, also of folders that their owner may not enter. Links are deleted, and not followed. */
export function removeTree(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOTEMPTY') throw error
    open(folder)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

function open(folder: string): void {
  if (!lstatSync(folder).isDirectory()) return
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) open(join(folder, entry.name))
}
