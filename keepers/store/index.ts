// SPDX-License-Identifier: GPL-3.0-or-later
export type { ClaimRegister, Keepsake } from './claims.ts'
export { StoreError, type StoreErrorCode, translateFileError } from './errors.ts'
export { FolderReader } from './folder-reader.ts'
export type { Intent, Journal } from './journal.ts'
export { type FolderBinding, KeeperStore, type StoreOptions } from './keeper-store.ts'
export { type LogRow, LogStore } from './log-store.ts'
export { type Claim, claimsOf, type ProtectionRecord, protectionRecord } from './protection.ts'
export { TransactionLog, type TransactionRow } from './transaction-log.ts'
