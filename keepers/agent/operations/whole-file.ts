// SPDX-License-Identifier: GPL-3.0-or-later
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { translateFileError } from '../../store/index.ts'

/** Writes a file of the data folder whole or not at all. */
export function writeWhole(file: string, text: string | Uint8Array): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    // Removed first: in a folder that others may write to, somebody could have put a link or a file of theirs under this name.
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw translateFileError(error, file)
  }
}
