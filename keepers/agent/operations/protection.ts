// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import {
  claimsOf,
  FolderReader,
  KeeperStore,
  type ProtectionRecord,
  protectionRecord,
  StoreError,
} from '../../store/index.ts'
import { loadConfig } from '../config.ts'
import { operatorAddress } from '../operator.ts'

/** The claims of a folder, even while its keeper runs. @throws StoreError */
export function exportProtection(folder: string): ProtectionRecord {
  using reader = new FolderReader(folder)
  const { chain, service } = reader.binding
  return protectionRecord({ chainId: chain, service }, reader.claims())
}

/**
 * Copies the claims of a record into the folder of a stopped keeper, all or none. From then on the keeper refuses whatever contradicts them.
 * @returns how many claims were new, and how many the folder has now
 * @throws StoreError LOCKED, BAD_INPUT, WRONG_FOLDER, CONFLICT, WRONG_PASSPHRASE
 */
export function importProtection(
  folder: string,
  passphrase: string,
  record: unknown,
): { readonly added: number; readonly claims: number } {
  const config = loadConfig(folder)
  const place = { chainId: BigInt(config.chain.id), service: config.service.address }
  const claims = claimsOf(record, place)
  const store = KeeperStore.open({ folder, passphrase, binding: { ...place, operator: operatorAddress(config.keys) } })
  try {
    return { added: store.claims.adopt(claims), claims: store.claims.count }
  } finally {
    store.close()
  }
}

/** A record's file, parsed. @throws StoreError BAD_INPUT */
export function readRecord(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new StoreError('BAD_INPUT', `cannot read the record ${file}: ${(cause as Error).message}`, { cause })
  }
}
