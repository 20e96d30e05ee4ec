// SPDX-License-Identifier: GPL-3.0-or-later
import type { ContractName } from '../../../keepers/chain/index.ts'
import type { Connection } from './connection.ts'
import type { StoredLog } from './history.ts'

/** Reads a contract's log on, and tells what is in it; told again only when it changed. */
export function taleOf<T>(
  contract: ContractName & keyof Connection['site']['deployment']['contracts'],
  tell: (logs: readonly StoredLog[]) => T,
): (connection: Connection) => Promise<T> {
  const tales = new WeakMap<object, { readonly tale: T }>()
  return async (connection) => {
    const history = connection.history(connection.site.deployment.contracts[contract])
    const changed = await history.step()
    const known = tales.get(history)
    if (!changed && known !== undefined) return known.tale
    const tale = tell(history.logs)
    tales.set(history, { tale })
    return tale
  }
}
