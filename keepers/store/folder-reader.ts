// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError, translateSqliteError } from './errors.ts'
import type { Claim } from './protection.ts'
import { SecretBox } from './secret-box.ts'

type Binding = { readonly chain: string; readonly service: string; readonly operator: string }

/** Reads a data folder as of one moment, even while its keeper runs. It writes nothing. */
export class FolderReader implements Disposable {
  readonly #database: DatabaseSync

  /** @throws StoreError BAD_INPUT for a folder without a store, CORRUPT */
  constructor(folder: string) {
    const file = join(folder, 'journal.sqlite')
    if (!existsSync(file))
      throw new StoreError('BAD_INPUT', `${folder} is not a keeper's data folder: ${file} is missing`)
    try {
      this.#database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 })
      // All later reads see the state as of now.
      this.#database.exec('BEGIN')
      this.#database.prepare('SELECT count(*) FROM meta').get()
    } catch (error) {
      throw translateSqliteError(error, file)
    }
  }

  #meta(key: string): Uint8Array {
    const row = this.#database.prepare('SELECT value FROM meta WHERE key = ?').get(key) as
      | { value: Uint8Array }
      | undefined
    if (row === undefined) throw new StoreError('CORRUPT', `the data folder has no ${key}: restore it from a backup`)
    return row.value
  }

  /** The chain, service and operator that the folder belongs to; addresses in lower case. */
  get binding(): Binding {
    return JSON.parse(new TextDecoder().decode(this.#meta('binding')))
  }

  claims(): Claim[] {
    return this.#database.prepare('SELECT nonce, digest FROM claims').all() as unknown as Claim[]
  }

  record(name: string): unknown {
    const row = this.#database.prepare('SELECT value FROM records WHERE name = ?').get(name) as
      | { value: string }
      | undefined
    return row === undefined ? null : JSON.parse(row.value)
  }

  /** A secret in the clear, or null. @throws StoreError WRONG_PASSPHRASE */
  secret(name: string, passphrase: string): Uint8Array | null {
    const row = this.#database.prepare('SELECT sealed FROM secrets WHERE name = ?').get(name) as
      | { sealed: Uint8Array }
      | undefined
    const box = new SecretBox(passphrase, { salt: this.#meta('kdf salt'), log2N: this.#meta('kdf log2N')[0]! })
    try {
      return row === undefined ? null : box.open(name, row.sealed)
    } finally {
      box.destroy()
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
