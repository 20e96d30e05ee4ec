// SPDX-License-Identifier: GPL-3.0-or-later
// Hardhat hands the path of solc's JavaScript build to `import()`, which reads a path as a URL. '#', '?' and '%' have a special
// meaning there, and a checkout may lie in a folder with such a name.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'

/**
 * A path of the same file that survives being read as a URL: `file` itself, or a copy in the temporary folder.
 * @param file absolute path @param version names the copy, so that another version gets another one
 */
export function importablePath(file: string, version: string, folder = tmpdir()): string {
  if (!/[#?%]/.test(file)) return file
  const uid = process.getuid?.() ?? 0 // Windows has none, and says 0 for every file
  const copies = join(folder, `cohort-${uid}-${basename(file, '.js')}-${version}`)
  const copy = join(copies, basename(file))
  mkdirSync(copies, { recursive: true, mode: 0o700 })
  // Everybody can write to the temporary folder: never run a file that somebody else put there under this name.
  if (statSync(copies).uid !== uid) throw new Error(`${copies} belongs to another user: remove it, or set TMPDIR`)
  if (existsSync(copy) && readFileSync(copy).equals(readFileSync(file))) return copy
  // Two processes may come here at once: each writes a file of its own, and the last rename wins.
  const mine = `${copy}.${process.pid}`
  copyFileSync(file, mine)
  renameSync(mine, copy)
  return copy
}
