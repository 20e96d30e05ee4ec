// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Transaction } from 'ethers'
import type { KeeperNode } from '../../scripts/demo/keeper-nodes.ts'

/** Every signed form of every transaction in a keeper's folder, by nonce. */
export function signedByNonce(node: KeeperNode): Map<number, Set<string>> {
  const database = new DatabaseSync(join(node.folder, 'journal.sqlite'), { readOnly: true })
  const byNonce = new Map<number, Set<string>>()
  for (const row of database.prepare('SELECT attempts FROM transactions').all() as { attempts: string }[]) {
    for (const { raw } of JSON.parse(row.attempts) as { raw: string }[]) {
      const { nonce, data, to } = Transaction.from(raw)
      const acts = byNonce.get(nonce) ?? new Set()
      byNonce.set(nonce, acts.add(`${to} ${data}`))
    }
  }
  database.close()
  return byNonce
}
