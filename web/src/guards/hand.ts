// SPDX-License-Identifier: GPL-3.0-or-later
// The visitor's hand in a guarded account: as the account itself, or as the owner of a Safe that needs no other's signature.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { send } from '../ui/send.ts'
import type { AccountState } from './accounts.ts'
import { executeSafe } from './safe.ts'

export type Hand = {
  /** Whether transactions go through the guard, as those of a Safe do. */
  readonly checked: boolean
  /** Calls the guard in the account's name. @returns what to tell the visitor */
  call(what: string, encode: (guard: Interface) => string): Promise<string>
  /** Sends coins in the account's name. @param value wei */
  pay(to: string, value: bigint): Promise<string>
}

/** Null for a visitor who may not act for the account by itself. */
export function handOf(connection: Connection, { told, safe }: AccountState, visitor: string | null): Hand | null {
  const { SpendingGuard: address } = connection.site.deployment.contracts
  const guard = contractInterface('SpendingGuard')
  const { account } = told
  const act = async (what: string, call: { to: string; value: bigint; data: string }): Promise<string> =>
    await send(connection, what, [guard], async (signer) =>
      safe === null ? ((await signer.sendTransaction(call)) as never) : await executeSafe(account, signer, call),
    )
  const alone = safe === null ? visitor === account : safe.threshold === 1 && safe.owners.includes(visitor ?? '')
  if (visitor === null || !alone) return null
  return {
    checked: safe?.guarded === true,
    call: async (what, encode) => await act(what, { to: address, value: 0n, data: encode(guard) }),
    pay: async (to, value) => await act(`paid ${to}`, { to, value, data: '0x' }),
  }
}
