// SPDX-License-Identifier: GPL-3.0-or-later
export { StoreError, type StoreErrorCode } from './errors.ts'
export type { Intent, Journal } from './journal.ts'
export { type FolderBinding, KeeperStore, type StoreOptions } from './keeper-store.ts'
export { type LogRow, LogStore } from './log-store.ts'
export type { ShareRegister } from './shares.ts'
export { TransactionLog, type TransactionRow } from './transaction-log.ts'
