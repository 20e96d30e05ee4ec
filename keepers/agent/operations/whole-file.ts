// SPDX-License-Identifier: GPL-3.0-or-later
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { translateFileError } from '../../store/index.ts'

/** Writes a file of the data folder whole or not at all. */
export function writeWhole(file: string, text: string | Uint8Array): void {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text, { mode: 0o600 })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw translateFileError(error, file)
  }
}
