// SPDX-License-Identifier: GPL-3.0-or-later
// The iden3 container of numbered sections, written so that a half-written file is never taken for a whole one: into a
// temporary file beside the target, synced, and renamed only when every section is complete.
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export class SectionFileWriter {
  readonly #target: string
  readonly #temporary: string
  readonly #handle: FileHandle
  readonly #declared: number
  #position = 0
  #sections = 0
  #sectionStart: number | null = null

  private constructor(target: string, temporary: string, handle: FileHandle, declared: number) {
    this.#target = target
    this.#temporary = temporary
    this.#handle = handle
    this.#declared = declared
  }

  /** Opens a temporary file in the target's folder. `type` is four letters, `sections` how many will be written. */
  static async create(target: string, type: string, version: number, sections: number): Promise<SectionFileWriter> {
    const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
    const handle = await open(temporary, 'wx')
    const writer = new SectionFileWriter(target, temporary, handle, sections)
    const head = Buffer.alloc(12)
    head.write(type, 'latin1')
    head.writeUInt32LE(version, 4)
    head.writeUInt32LE(sections, 8)
    await writer.#append(head)
    return writer
  }

  /** Writes one section from its pieces; the last piece also fills in the section's length. */
  async section(id: number, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#sectionStart !== null) throw new Error('a section is being written')
    const head = Buffer.alloc(12)
    head.writeUInt32LE(id)
    await this.#append(head)
    this.#sectionStart = this.#position
    for await (const piece of pieces) await this.#append(piece)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(this.#position - this.#sectionStart))
    await this.#handle.write(length, 0, 8, this.#sectionStart - 8)
    this.#sectionStart = null
    this.#sections++
  }

  /** Syncs the file and gives it its name. */
  async commit(): Promise<void> {
    if (this.#sections !== this.#declared) {
      throw new Error(`${this.#sections} of ${this.#declared} sections written`)
    }
    await this.#handle.sync()
    await this.#handle.close()
    await rename(this.#temporary, this.#target)
  }

  /** Removes the temporary file; the target stays as it was. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await rm(this.#temporary, { force: true })
  }

  async #append(bytes: Uint8Array): Promise<void> {
    let written = 0
    while (written < bytes.byteLength) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.byteLength - written, this.#position)
      written += bytesWritten
      this.#position += bytesWritten
    }
  }
}

/**
 * Writes a temporary file beside the target, syncs it and renames it over the target. A secret gets mode 0o600 before
 * its first byte is written.
 */
export async function writeAtomically(target: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  const handle = await open(temporary, 'wx', mode)
  try {
    await handle.writeFile(content)
    await handle.sync()
    await handle.close()
    await rename(temporary, target)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw named(error, target)
  }
}

/** Node's errors name the file, except when writing fails: for a full disk a user needs to know which file. */
function named(error: unknown, file: string): unknown {
  if (error instanceof Error && 'syscall' in error && !('path' in error)) error.message += ` '${file}'`
  return error
}
