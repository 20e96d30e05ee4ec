// SPDX-License-Identifier: GPL-3.0-or-later
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './errors.ts'

/**
 * Every migration that ever shipped, in order; `PRAGMA user_version` counts those applied. Append, never edit: the existing text has already been
 * applied to existing folders.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
   CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
   CREATE TABLE intents (
     key TEXT PRIMARY KEY,
     epoch INTEGER NOT NULL,
     round INTEGER NOT NULL,
     payload BLOB NOT NULL,
     result BLOB,
     created INTEGER NOT NULL,
     completed INTEGER
   ) STRICT;
   CREATE INDEX intents_by_round ON intents (epoch, round);
   -- One row per first polynomial of a ciphertext we were asked to decrypt: never deleted, whatever the age.
   CREATE TABLE shares (
     c1_hash BLOB PRIMARY KEY CHECK (length(c1_hash) = 32),
     request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
     created INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE transactions (
     key TEXT PRIMARY KEY,
     nonce INTEGER NOT NULL UNIQUE,
     request TEXT NOT NULL,
     attempts TEXT NOT NULL,
     receipt TEXT,
     created INTEGER NOT NULL
   ) STRICT;
   -- Logs of our contracts as the chain told them; rows above a fork's ancestor are deleted when it reorganises.
   CREATE TABLE logs (
     block INTEGER NOT NULL,
     log_index INTEGER NOT NULL,
     block_hash TEXT NOT NULL,
     address TEXT NOT NULL,
     topics TEXT NOT NULL,
     data TEXT NOT NULL,
     tx_hash TEXT NOT NULL,
     PRIMARY KEY (block, log_index)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE records (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
  // Records any act that happens once, no longer only shares of a ciphertext: a nonce, and the digest of the act.
  `ALTER TABLE shares RENAME TO claims;
   ALTER TABLE claims RENAME COLUMN c1_hash TO nonce;
   ALTER TABLE claims RENAME COLUMN request_hash TO digest;
   CREATE TABLE keepsakes (
     nonce BLOB PRIMARY KEY REFERENCES claims (nonce),
     epoch INTEGER NOT NULL,
     round INTEGER NOT NULL,
     payload BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX keepsakes_by_round ON keepsakes (epoch, round);`,
  // A long payload is a file, and the row has its SHA-256.
  `ALTER TABLE keepsakes ADD COLUMN file INTEGER NOT NULL DEFAULT 0;`,
]

/** Brings a database to the current schema in one transaction. @throws StoreError NEWER_SCHEMA for a later version. */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (found > migrations.length) {
    throw new StoreError(
      'NEWER_SCHEMA',
      `the data folder has schema ${found}, this version knows ${migrations.length}: run the newer version again`,
    )
  }
  if (found === migrations.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const migration of migrations.slice(found)) database.exec(migration)
    database.exec(`PRAGMA user_version = ${migrations.length}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
