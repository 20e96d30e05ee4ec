// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the store room: a keeper's memory on disk. Journal, claims, secrets, logs, transactions, and the lock on its folder.
export type { ClaimRegister, Keepsake } from './claims.ts'
export { StoreError, type StoreErrorCode, translateFileError } from './errors.ts'
export { FolderReader } from './folder-reader.ts'
export type { Intent, Journal } from './journal.ts'
export { type FolderBinding, KeeperStore, type StoreOptions } from './keeper-store.ts'
export { withFileLock } from './lock.ts'
export { type LogRow, LogStore } from './log-store.ts'
export { type Claim, claimsOf, type ProtectionRecord, protectionRecord } from './protection.ts'
export { newKdfParameters, SecretBox } from './secret-box.ts'
export { TransactionLog, type TransactionRow } from './transaction-log.ts'
