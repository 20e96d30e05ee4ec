// SPDX-License-Identifier: GPL-3.0-or-later
// Keepsakes that are too long for the database, in a file each. SQLite would copy them into its own memory and into two files.
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { translateFileError } from './errors.ts'

/** From this many bytes on, a keepsake is a file. */
export const LONG_BYTES = 1 << 20

const PART = '.part'

/** The files of a folder, each named by the nonce of its claim. A file's content is checked against a hash in the database. */
export class KeepsakeFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Writes a file whole, and returns once it is on the disk. Returns the SHA-256 of its bytes. @throws StoreError DISK_FULL, STORAGE */
  write(nonce: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array {
    const file = this.#file(nonce)
    const hash = createHash('sha256')
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      rmSync(file + PART, { force: true })
      const out = openSync(file + PART, 'wx', 0o600)
      try {
        for (const piece of pieces) {
          hash.update(piece)
          for (let at = 0; at < piece.length; ) at += writeSync(out, piece, at)
        }
        fsyncSync(out)
      } finally {
        closeSync(out)
      }
      renameSync(file + PART, file)
      this.#flush()
    } catch (error) {
      rmSync(file + PART, { force: true })
      throw translateFileError(error, file)
    }
    return hash.digest()
  }

  /** The bytes; null when the file is gone or was changed, because a second version of an update must never be sent. */
  read(nonce: Uint8Array, digest: Uint8Array): Uint8Array | null {
    let bytes: Buffer
    try {
      bytes = readFileSync(this.#file(nonce))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw translateFileError(error, this.#file(nonce))
    }
    return createHash('sha256').update(bytes).digest().equals(digest) ? bytes : null
  }

  remove(nonce: Uint8Array): void {
    rmSync(this.#file(nonce), { force: true })
  }

  /** Deletes files that a crash left and that belong to no claim. @param isKnown Takes the nonce in hexadecimal. */
  tidy(isKnown: (nonce: string) => boolean): void {
    let names: string[]
    try {
      names = readdirSync(this.#folder)
    } catch {
      // The folder was never made.
      return
    }
    const isNamed = (name: string): boolean => /^[0-9a-f]{64}$/.test(name) && isKnown(name)
    for (const name of names) {
      if (isNamed(name)) continue
      try {
        rmSync(join(this.#folder, name), { force: true })
      } catch {
        // A folder, such as file servers make. It is not this keeper's, and no reason to stop.
      }
    }
  }

  #file(nonce: Uint8Array): string {
    return join(this.#folder, Buffer.from(nonce).toString('hex'))
  }

  /** Flushes the folder: only then is a rename on the disk. */
  #flush(): void {
    const folder = openSync(this.#folder, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  }
}
